// What the caller may choose about a build. Unset: chosen from the data.
#ifndef TFSCANN_BUILD_CONFIG_H_
#define TFSCANN_BUILD_CONFIG_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "cc/base/executor.h"
#include "cc/base/status.h"
#include "cc/search/options.h"

namespace tfscann {

struct BuildConfig {
  DistanceMeasure distance_measure = DistanceMeasure::kDotProduct;
  std::optional<int64_t> num_leaves;
  std::optional<int64_t> num_leaves_to_search;
  int64_t training_iterations = 12;
  int64_t dimensions_per_block = 2;
  std::optional<int64_t> num_reordering_candidates;
  std::optional<double> soar_lambda;  // 0: no second copies
  double anisotropic_quantization_threshold = 0.2;
  ReorderingDtype reordering_dtype = ReorderingDtype::kFloat32;
  int64_t k = 10;  // results that target_recall speaks of
  double target_recall = 0.95;
  uint64_t seed = 0;
};

// InvalidArgument naming the parameter, its value and its range.
Status Validate(const BuildConfig& config);

// Catalogues smaller than this get an exact index unless num_leaves is given.
inline constexpr int64_t kMinTreeCandidates = 20000;

// SOAR's weight where none is given.
inline constexpr double kDefaultSoarLambda = 1.0;

// `stage` in a few words, `done` of `total` units. Called on the thread that called the builder.
using Progress = std::function<void(const char* stage, int64_t done, int64_t total)>;

// What the stages of a build share.
struct BuildContext {
  Executor* executor;
  Progress progress;
  uint64_t seed;

  Status Report(const char* stage, int64_t done, int64_t total) const {
    if (progress) progress(stage, done, total);
    return CheckCancelled();
  }
  Status CheckCancelled() const {
    if (!executor->cancelled()) return Status();
    return Status(StatusCode::kCancelled, "the build was cancelled");
  }
};

// Keys of Random: one number for each use.
enum RandomStage : uint64_t {
  kSampleStage = 1,
  kKMeansInitStage,
  kKMeansSplitStage,
  kCodebookSampleStage,
  kCodebookInitStage,
  kTuningSampleStage,
  kTuningUserStage,
  kDemandStage,
  kDemandUserStage,
  kDemandSampleStage,
  kRoutingStage,
  kRoutingUserStage,
  kRoutingOrderStage,
  kQueryDirectionStage,
};

}  // namespace tfscann

#endif  // TFSCANN_BUILD_CONFIG_H_
