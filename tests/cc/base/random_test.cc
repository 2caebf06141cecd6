#include "cc/base/random.h"

#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

// Builds of the same seed must stay the same in later versions.
TEST(RandomTest, DrawsWhatItAlwaysDrew) {
  Random random(1, 2, 3);
  EXPECT_EQ(random.Next(), 7743042937745665884u);
  EXPECT_EQ(random.Next(), 9193266369136742751u);
}

TEST(RandomTest, SeedStageAndItemAllMatter) {
  std::set<uint64_t> first;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    for (uint64_t stage = 0; stage < 10; ++stage) {
      for (uint64_t item = 0; item < 10; ++item) first.insert(Random(seed, stage, item).Next());
    }
  }
  EXPECT_EQ(first.size(), 1000u);
}

TEST(RandomTest, BelowIsUniform) {
  Random random(5, 0, 0);
  std::vector<int> counts(10);
  for (int i = 0; i < 100000; ++i) ++counts[random.Below(10)];
  // Within five standard deviations (95) of 10,000.
  for (const int count : counts) EXPECT_NEAR(count, 10000, 475);
  EXPECT_EQ(random.Below(1), 0u);
}

TEST(RandomTest, UniformIsInTheUnitInterval) {
  Random random(6, 0, 0);
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double value = random.Uniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  // Within five standard deviations of the mean.
  EXPECT_NEAR(sum / 100000, 0.5, 0.0046);
}

}  // namespace
}  // namespace tfscann::testing
