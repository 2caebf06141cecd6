#include "cc/build/leaf_demand.h"

#include <cmath>
#include <vector>

#include "cc/base/random.h"
#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

TEST(LeafDemandTest, NeedsNineTenthsOfTheNeighbours) {
  std::vector<int64_t> one = {7};
  EXPECT_EQ(NeededLeaves(&one), 8);
  std::vector<int64_t> nine = {5, 0, 1, 8, 2, 90, 3, 4, 6};
  EXPECT_EQ(NeededLeaves(&nine), 91);
  std::vector<int64_t> ten = {5, 0, 1, 8, 2, 90, 3, 4, 6, 0};
  EXPECT_EQ(NeededLeaves(&ten), 9);
  std::vector<int64_t> equal(20, 3);
  EXPECT_EQ(NeededLeaves(&equal), 4);
}

// needed = exp(3 - 2 best + 4 deviation), nearly.
std::vector<LeafDemandExample> Examples(int64_t count) {
  Random random(1, 2, 3);
  std::vector<LeafDemandExample> examples;
  for (int64_t i = 0; i < count; ++i) {
    const float best = static_cast<float>(random.Uniform());
    const float deviation = static_cast<float>(random.Uniform()) / 5;
    const double needed = 100 * std::exp(3 - 2 * best + 4 * deviation);
    examples.push_back({{best, deviation}, static_cast<int64_t>(needed)});
  }
  return examples;
}

TEST(LeafDemandTest, FindsTheWeights) {
  const std::vector<LeafDemandExample> examples = Examples(500);
  const LeafDemand demand = FitLeafDemand(examples);
  EXPECT_NEAR(demand.best_weight, 0.75 * -2, 0.01);
  EXPECT_NEAR(demand.deviation_weight, 0.75 * 4, 0.02);
  double sum = 0;
  for (const LeafDemandExample& example : examples) sum += demand.Of(example.statistics);
  EXPECT_NEAR(sum / 500, 1, 1e-4);
}

TEST(LeafDemandTest, TheMeanIsOneWhereBoundsAreReached) {
  std::vector<LeafDemandExample> examples = Examples(500);
  for (LeafDemandExample& example : examples) {
    example.needed = example.statistics.best < 0.1f ? 1000000 : 1;
  }
  const LeafDemand demand = FitLeafDemand(examples);
  double sum = 0;
  bool reached = false;
  for (const LeafDemandExample& example : examples) {
    const float factor = demand.Of(example.statistics);
    EXPECT_GE(factor, LeafDemand::kLeast);
    EXPECT_LE(factor, LeafDemand::kMost);
    reached = reached || factor == LeafDemand::kMost;
    sum += factor;
  }
  EXPECT_TRUE(reached);
  EXPECT_NEAR(sum / 500, 1, 0.05);
}

void ExpectNothingLearned(const std::vector<LeafDemandExample>& examples) {
  const LeafDemand demand = FitLeafDemand(examples);
  EXPECT_EQ(demand.best_weight, 0);
  EXPECT_EQ(demand.deviation_weight, 0);
  EXPECT_EQ(demand.Of({0.3f, 0.1f}), 1);
}

TEST(LeafDemandTest, LearnsNothingFromNothing) {
  ExpectNothingLearned({});
  ExpectNothingLearned(Examples(10));
  ExpectNothingLearned(std::vector<LeafDemandExample>(100, {{0.5f, 0.1f}, 12}));
  std::vector<LeafDemandExample> same_statistics = Examples(100);
  for (LeafDemandExample& example : same_statistics) example.statistics = {0.1f, 0.7f};
  ExpectNothingLearned(same_statistics);
  std::vector<LeafDemandExample> all_alike = Examples(100);
  for (LeafDemandExample& example : all_alike) example.needed = 5;
  ExpectNothingLearned(all_alike);
  std::vector<LeafDemandExample> no_numbers = Examples(100);
  for (LeafDemandExample& example : no_numbers) example.statistics.best = std::nanf("");
  ExpectNothingLearned(no_numbers);
}

TEST(LeafDemandTest, LearnsFromTheOthersWhereSomeAreNoNumbers) {
  std::vector<LeafDemandExample> examples = Examples(500);
  const LeafDemand expected = FitLeafDemand(examples);
  examples.push_back({{std::nanf(""), 0.1f}, 7});
  examples.push_back({{0.5f, INFINITY}, 7});
  const LeafDemand demand = FitLeafDemand(examples);
  EXPECT_EQ(demand.best_weight, expected.best_weight);
  EXPECT_EQ(demand.deviation_weight, expected.deviation_weight);
  EXPECT_EQ(demand.intercept, expected.intercept);
}

TEST(LeafDemandTest, WhatIsNoNumberNeedsTheAverage) {
  const LeafDemand demand = {0, -2, 4};
  EXPECT_EQ(demand.Of({std::nanf(""), 0}), 1);
  EXPECT_EQ(demand.Of({INFINITY, INFINITY}), 1);
  EXPECT_EQ(demand.Of({-INFINITY, 0}), LeafDemand::kMost);
}

}  // namespace
}  // namespace tfscann::testing
