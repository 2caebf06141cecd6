#include "cc/build/sample.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

TEST(SampleSortedTest, NumbersAreDifferentAscendingAndBelowThePopulation) {
  for (const int64_t population : {1, 2, 10, 1000}) {
    for (const int64_t count : {0, 1, 2, 9, 10, 999, 1000, 5000}) {
      const std::vector<int64_t> sample = SampleSorted(population, count, 1, 2);
      EXPECT_EQ(static_cast<int64_t>(sample.size()), std::min(population, count));
      for (size_t i = 1; i < sample.size(); ++i) EXPECT_LT(sample[i - 1], sample[i]);
      if (!sample.empty()) {
        EXPECT_GE(sample.front(), 0);
        EXPECT_LT(sample.back(), population);
      }
    }
  }
}

TEST(SampleSortedTest, EveryNumberIsAsLikely) {
  std::vector<int> counts(20);
  for (uint64_t item = 0; item < 10000; ++item) {
    for (const int64_t number : SampleSorted(20, 5, 1, 2, item)) ++counts[number];
  }
  // Within five standard deviations (43) of 2,500.
  for (const int count : counts) EXPECT_NEAR(count, 2500, 217);
}

TEST(SampleSortedTest, DependsOnSeedStageAndItem) {
  const std::vector<int64_t> sample = SampleSorted(1000, 10, 1, 2, 3);
  EXPECT_EQ(SampleSorted(1000, 10, 1, 2, 3), sample);
  EXPECT_NE(SampleSorted(1000, 10, 0, 2, 3), sample);
  EXPECT_NE(SampleSorted(1000, 10, 1, 0, 3), sample);
  EXPECT_NE(SampleSorted(1000, 10, 1, 2, 0), sample);
}

TEST(SampleByWeightTest, NumbersComeAsOftenAsTheyWeigh) {
  std::vector<float> weights;
  for (int i = 0; i < 100; ++i) weights.push_back(0.05f + static_cast<float>(i % 4));
  for (const int64_t count : {1, 40, 155, 1000}) {
    const std::vector<int64_t> sample = SampleByWeight(weights, count, 1, 2);
    EXPECT_NEAR(static_cast<double>(sample.size()), static_cast<double>(count), 1);
    EXPECT_TRUE(std::is_sorted(sample.begin(), sample.end()));
    for (int64_t i = 0; i < 100; ++i) {
      const double often = static_cast<double>(std::count(sample.begin(), sample.end(), i));
      EXPECT_NEAR(often, weights[i] / 155 * static_cast<double>(count), 1.001) << i;
    }
  }
}

TEST(SampleByWeightTest, DependsOnSeedAndStage) {
  const std::vector<float> weights(1000, 1.0f);
  const std::vector<int64_t> sample = SampleByWeight(weights, 100, 1, 2);
  EXPECT_EQ(SampleByWeight(weights, 100, 1, 2), sample);
  EXPECT_NE(SampleByWeight(weights, 100, 2, 2), sample);
  EXPECT_NE(SampleByWeight(weights, 100, 1, 3), sample);
}

}  // namespace
}  // namespace tfscann::testing
