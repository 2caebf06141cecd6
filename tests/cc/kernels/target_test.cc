#include "cc/kernels/target.h"

#include <cstdlib>
#include <string>

#include "cc/kernels/kernels.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

TEST(TargetTest, HasTheNamesThatTheEnvironmentVariableTakes) {
  EXPECT_STREQ(TargetName(Target::kScalar), "scalar");
  EXPECT_STREQ(TargetName(Target::kAvx2), "avx2");
  EXPECT_STREQ(TargetName(Target::kAvx512), "avx512");
}

TEST(TargetTest, SupportedTargetsStartWithScalarAndAscend) {
  const std::vector<Target> targets = SupportedTargets();
  ASSERT_FALSE(targets.empty());
  EXPECT_EQ(targets[0], Target::kScalar);
  for (size_t i = 1; i < targets.size(); ++i) EXPECT_LT(targets[i - 1], targets[i]);
}

// This test runs with TFSCANN_CPU_TARGET unset and set to each of two targets (see BUILD).
TEST(TargetTest, ActiveTargetIsTheBestOneWithinTheCap) {
  const char* cap = std::getenv("TFSCANN_CPU_TARGET");
  Target expected = SupportedTargets().back();
  for (const Target target : SupportedTargets()) {
    if (cap != nullptr && std::string(cap) == TargetName(target)) expected = target;
  }
  EXPECT_EQ(ActiveTarget(), expected);
  EXPECT_EQ(&ActiveKernels(), &KernelsFor(expected));
}

}  // namespace
}  // namespace tfscann::testing
