#include "cc/build/config.h"

#include <limits>

#include "gtest/gtest.h"
#include "tests/cc/testing/status_matchers.h"

namespace tfscann::testing {
namespace {

template <typename Change>
Status AfterChange(const Change& change) {
  BuildConfig config;
  change(&config);
  return Validate(config);
}

TEST(ValidateTest, DefaultsAreGood) { TFSCANN_EXPECT_OK(Validate(BuildConfig())); }

TEST(ValidateTest, LimitsAreGood) {
  TFSCANN_EXPECT_OK(AfterChange([](BuildConfig* config) {
    config->num_leaves = 1;
    config->num_leaves_to_search = 1;
    config->training_iterations = 1;
    config->dimensions_per_block = 1;
    config->num_reordering_candidates = 1;
    config->soar_lambda = 0;
    config->anisotropic_quantization_threshold = 0;
    config->k = 1;
    config->target_recall = 1;
  }));
}

struct BadValue {
  void (*change)(BuildConfig*);
  const char* message;
};

TEST(ValidateTest, MessagesNameTheParameterTheValueAndTheRange) {
  const BadValue bad_values[] = {
      {[](BuildConfig* c) { c->num_leaves = 0; }, "num_leaves is 0, but must be at least 1"},
      {[](BuildConfig* c) { c->num_leaves_to_search = -1; },
       "num_leaves_to_search is -1, but must be at least 1"},
      {[](BuildConfig* c) { c->training_iterations = 0; },
       "training_iterations is 0, but must be at least 1"},
      {[](BuildConfig* c) { c->dimensions_per_block = 0; },
       "dimensions_per_block is 0, but must be at least 1"},
      {[](BuildConfig* c) { c->num_reordering_candidates = 0; },
       "num_reordering_candidates is 0, but must be at least 1"},
      {[](BuildConfig* c) { c->k = 0; }, "k is 0, but must be at least 1"},
      {[](BuildConfig* c) { c->soar_lambda = -0.5; },
       "soar_lambda is -0.5, but must be finite and at least 0"},
      {[](BuildConfig* c) { c->soar_lambda = std::numeric_limits<double>::infinity(); },
       "soar_lambda is inf, but must be finite and at least 0"},
      {[](BuildConfig* c) { c->soar_lambda = std::numeric_limits<double>::quiet_NaN(); },
       "soar_lambda is nan, but must be finite and at least 0"},
      {[](BuildConfig* c) { c->anisotropic_quantization_threshold = 1; },
       "anisotropic_quantization_threshold is 1, but must be at least 0 and less than 1"},
      {[](BuildConfig* c) { c->anisotropic_quantization_threshold = -0.1; },
       "anisotropic_quantization_threshold is -0.1, but must be at least 0 and less than 1"},
      {[](BuildConfig* c) { c->target_recall = 0; },
       "target_recall is 0, but must be more than 0 and at most 1"},
      {[](BuildConfig* c) { c->target_recall = 1.5; },
       "target_recall is 1.5, but must be more than 0 and at most 1"},
  };
  for (const BadValue& bad : bad_values) {
    const Status status = AfterChange(bad.change);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), bad.message);
  }
}

}  // namespace
}  // namespace tfscann::testing
