#include "tests/cc/kernels/lut16_cases.h"
#include "tests/cc/kernels/targets.h"

namespace tfscann::testing {
namespace {

using Lut16Test = KernelsTest;
TFSCANN_FOR_ALL_TARGETS(Lut16Test);

TEST_P(Lut16Test, FindsTheSumsThatReachTheThreshold) { CheckLut16Scan(kernels().lut16_scan); }

TEST_P(Lut16Test, AddsUpToTheLargestSum) { CheckLut16Extremes(kernels().lut16_scan); }

TEST_P(Lut16Test, EveryQueryHasItsTable) { CheckLut16Tables(kernels().lut16_scan); }

TEST_P(Lut16Test, HitsAreCandidates) { CheckLut16Places(kernels().lut16_scan); }

TEST_P(Lut16Test, GroupsComeFromAnywhere) { CheckLut16Groups(kernels().lut16_scan); }

TEST(Lut16LayoutTest, ByteAndCandidateAreInverse) {
  for (int byte = 0; byte < 16; ++byte) EXPECT_EQ(Lut16Byte(Lut16Candidate(byte)), byte);
  for (int candidate = 16; candidate < 32; ++candidate) {
    EXPECT_EQ(Lut16Byte(candidate), Lut16Byte(candidate - 16));
  }
}

}  // namespace
}  // namespace tfscann::testing
