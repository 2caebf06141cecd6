#include "cc/build/config.h"

#include <cmath>

namespace tfscann {
namespace {

Status RequireAtLeast(const char* name, std::optional<int64_t> value, int64_t least) {
  if (!value.has_value() || *value >= least) return Status();
  return InvalidArgument(name, " is ", *value, ", but must be at least ", least);
}

}  // namespace

Status Validate(const BuildConfig& config) {
  TFSCANN_RETURN_IF_ERROR(RequireAtLeast("num_leaves", config.num_leaves, 1));
  TFSCANN_RETURN_IF_ERROR(RequireAtLeast("num_leaves_to_search", config.num_leaves_to_search, 1));
  TFSCANN_RETURN_IF_ERROR(RequireAtLeast("training_iterations", config.training_iterations, 1));
  TFSCANN_RETURN_IF_ERROR(RequireAtLeast("dimensions_per_block", config.dimensions_per_block, 1));
  TFSCANN_RETURN_IF_ERROR(
      RequireAtLeast("num_reordering_candidates", config.num_reordering_candidates, 1));
  TFSCANN_RETURN_IF_ERROR(RequireAtLeast("k", config.k, 1));
  if (config.soar_lambda.has_value() &&
      !(*config.soar_lambda >= 0 && std::isfinite(*config.soar_lambda))) {
    return InvalidArgument("soar_lambda is ", *config.soar_lambda,
                           ", but must be finite and at least 0");
  }
  if (!(config.anisotropic_quantization_threshold >= 0 &&
        config.anisotropic_quantization_threshold < 1)) {
    return InvalidArgument("anisotropic_quantization_threshold is ",
                           config.anisotropic_quantization_threshold,
                           ", but must be at least 0 and less than 1");
  }
  if (!(config.target_recall > 0 && config.target_recall <= 1)) {
    return InvalidArgument("target_recall is ", config.target_recall,
                           ", but must be more than 0 and at most 1");
  }
  return Status();
}

}  // namespace tfscann
