#include "cc/search/partitioner.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "cc/search/query.h"
#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/search.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kLeaves = 60;
constexpr int64_t kDims = 7;
constexpr int64_t kAllLeaves = 1 << 20;

// The leaves of a query, `sorted` of them in order. In parts that say nothing of LeafDemand: as
// many as asked for.
QueryState ChooseFrom(const IndexParts& parts, const float* query, int64_t count,
                      int64_t sorted = kAllLeaves) {
  const Partitioner partitioner(parts);
  QueryState state;
  SearchScratch scratch;
  PrepareQuery(parts, query, &state.query);
  partitioner.ChooseLeaves(count, sorted, &state, &scratch);
  return state;
}

// The bias of each leaf, all of them being chosen.
std::vector<float> BiasesOf(const IndexParts& parts, const float* query) {
  const QueryState all = ChooseFrom(parts, query, kLeaves);
  std::vector<float> biases(kLeaves);
  for (const ChosenLeaf& leaf : Span<const ChosenLeaf>(all.chosen_leaves)) {
    biases[leaf.leaf] = leaf.bias;
  }
  return biases;
}

class PartitionerTest : public ::testing::TestWithParam<DistanceMeasure> {
 protected:
  // The leaves of a query, in an index with this demand.
  QueryState Choose(const LeafDemand& demand, const float* query, int64_t count) {
    IndexParts parts = file_.index->parts();
    parts.parameters.leaf_demand = demand;
    return ChooseFrom(parts, query, count);
  }

  const IndexFile file_ = BuildIndex(RandomMatrix(1500, kDims, 1), TreeConfig(GetParam(), kLeaves));
  const Matrix queries_ = RandomMatrix(30, kDims, 2);
};

INSTANTIATE_TEST_SUITE_P(Measures, PartitionerTest,
                         ::testing::Values(DistanceMeasure::kDotProduct, DistanceMeasure::kCosine,
                                           DistanceMeasure::kSquaredL2));

TEST_P(PartitionerTest, LeavesAreAsManyAsTheDemandSays) {
  // About the average.
  const float intercepts[] = {1.6f, 1.0f, -1.7f};
  const LeafDemand demand = {intercepts[static_cast<int>(GetParam())], -1.2f, 0.7f};
  std::set<size_t> sizes;
  for (int64_t q = 0; q < queries_.rows(); ++q) {
    const QueryState all = Choose({}, queries_.row(q), kLeaves);
    ASSERT_EQ(all.chosen_leaves.size(), kLeaves);
    const QueryState some = Choose(demand, queries_.row(q), 24);
    const float wanted = std::nearbyint(24 * demand.Of(all.leaf_statistics));
    ASSERT_EQ(some.chosen_leaves.size(), std::min<size_t>(wanted, kLeaves));
    sizes.insert(some.chosen_leaves.size());
    for (size_t i = 0; i < some.chosen_leaves.size(); ++i) {
      EXPECT_EQ(some.chosen_leaves[i].leaf, all.chosen_leaves[i].leaf);
    }
  }
  EXPECT_GT(sizes.size(), 2u);
}

TEST_P(PartitionerTest, OnlyTheBestLeavesNeedBeInOrder) {
  const auto numbers = [](const QueryState& state) {
    std::vector<int32_t> leaves;
    for (const ChosenLeaf& leaf : Span<const ChosenLeaf>(state.chosen_leaves)) {
      leaves.push_back(leaf.leaf);
    }
    return leaves;
  };
  IndexParts parts = file_.index->parts();
  parts.parameters.leaf_demand = {};
  bool disordered = false;
  for (int64_t q = 0; q < queries_.rows(); ++q) {
    std::vector<int32_t> all = numbers(ChooseFrom(parts, queries_.row(q), 40));
    for (const int64_t sorted : {1, 7, 39, 40, 41}) {
      std::vector<int32_t> some = numbers(ChooseFrom(parts, queries_.row(q), 40, sorted));
      ASSERT_EQ(some.size(), 40u);
      EXPECT_TRUE(
          std::equal(all.begin(), all.begin() + std::min<int64_t>(sorted, 40), some.begin()));
      disordered = disordered || some != all;
      EXPECT_TRUE(std::is_permutation(all.begin(), all.end(), some.begin()));
    }
  }
  EXPECT_TRUE(disordered);
}

TEST_P(PartitionerTest, AllLeavesAreAllLeaves) {
  const LeafDemand least = {-10, 0, 0};
  EXPECT_EQ(Choose(least, queries_.row(0), kLeaves).chosen_leaves.size(), kLeaves);
  EXPECT_EQ(Choose(least, queries_.row(0), 2).chosen_leaves.size(), 1u);
  EXPECT_EQ(Choose({10, 0, 0}, queries_.row(0), 30).chosen_leaves.size(), kLeaves);
}

// What a bias and the centroid say of a leaf is the mean score of its candidates, but for q.r.
TEST_P(PartitionerTest, BiasesOfDistancesHaveTheNormTerm) {
  if (GetParam() != DistanceMeasure::kSquaredL2) return;
  IndexParts parts = file_.index->parts();
  parts.parameters.leaf_demand = {};
  ASSERT_EQ(parts.leaf_norm_terms.size(), static_cast<size_t>(kLeaves));
  IndexParts earlier = parts;  // a file of version 3
  earlier.leaf_norm_terms = {};
  EXPECT_GT(LeafSpreadOf(earlier), 0);
  for (int64_t q = 0; q < 5; ++q) {
    const std::vector<float> biases = BiasesOf(parts, queries_.row(q));
    const std::vector<float> before = BiasesOf(earlier, queries_.row(q));
    for (int64_t leaf = 0; leaf < kLeaves; ++leaf) {
      EXPECT_NEAR(biases[leaf], before[leaf] - parts.leaf_norm_terms[leaf], 1e-6);
    }
  }
}

// A longer query is the same query, unless distances are meant.
TEST_P(PartitionerTest, LengthsMakeNoDifference) {
  if (GetParam() == DistanceMeasure::kSquaredL2) return;
  for (int64_t q = 0; q < queries_.rows(); ++q) {
    const LeafStatistics one = Choose({}, queries_.row(q), 5).leaf_statistics;
    for (const float factor : {0x1p6f, 0x1p100f, 0x1p-60f}) {
      std::vector<float> longer(queries_.row(q), queries_.row(q) + kDims);
      for (float& value : longer) value *= factor;
      const LeafStatistics other = Choose({}, longer.data(), 5).leaf_statistics;
      EXPECT_NEAR(one.best, other.best, 1e-5 * one.best);
      EXPECT_NEAR(one.deviation, other.deviation, 1e-5 * one.deviation);
    }
  }
}

TEST_P(PartitionerTest, AQueryOfZeros) {
  const std::vector<float> zeros(kDims, 0.0f);
  const LeafDemand demand = {0, -1, 1};
  const size_t found = Choose(demand, zeros.data(), 10).chosen_leaves.size();
  if (GetParam() == DistanceMeasure::kSquaredL2) {
    EXPECT_GE(found, 3u);  // an ordinary query
  } else {
    EXPECT_EQ(found, 10u);
  }
}

// With branches, leaves are looked for in a part of them.
class BranchesTest : public PartitionerTest {
 protected:
  static constexpr int64_t kManyLeaves = 600;  // in 38 branches

  std::vector<ChosenLeaf> Leaves(const float* query, int64_t count, bool branches = true) {
    IndexParts parts = many_.index->parts();
    parts.parameters.branches = branches;
    parts.parameters.leaf_demand = {};
    const QueryState state = ChooseFrom(parts, query, count);
    return {state.chosen_leaves.data(), state.chosen_leaves.data() + state.chosen_leaves.size()};
  }

  const IndexFile many_ =
      BuildIndex(ClusteredMatrix(3000, kDims, 200, 1), TreeConfig(GetParam(), kManyLeaves));
  const Matrix near_ = ClusteredMatrix(100, kDims, 200, 1);
};

INSTANTIATE_TEST_SUITE_P(Measures, BranchesTest,
                         ::testing::Values(DistanceMeasure::kDotProduct, DistanceMeasure::kCosine,
                                           DistanceMeasure::kSquaredL2));

TEST_P(BranchesTest, NearlyAllOfTheBestLeavesAreFound) {
  ASSERT_TRUE(many_.index->parameters().branches);
  constexpr int64_t kCount = 8;
  int found = 0, looked_for = 0;
  for (int64_t q = 0; q < near_.rows(); ++q) {
    const std::vector<ChosenLeaf> chosen = Leaves(near_.row(q), kCount);
    const std::vector<ChosenLeaf> best = Leaves(near_.row(q), kCount, /*branches=*/false);
    ASSERT_EQ(chosen.size(), kCount);
    std::set<int32_t> branches;
    for (const ChosenLeaf& leaf : chosen) branches.insert(leaf.leaf / kInt8PackedRows);
    EXPECT_LE(branches.size(), 16u);  // 0.9 sqrt(8 * 38)
    for (const ChosenLeaf& leaf : best) {
      ++looked_for;
      for (const ChosenLeaf& other : chosen) {
        if (other.leaf != leaf.leaf) continue;
        ++found;
        EXPECT_EQ(other.bias, leaf.bias);
      }
    }
  }
  EXPECT_GT(found, 0.95 * looked_for);
}

TEST_P(BranchesTest, AllLeavesAreInTheOrderThatTheyHaveWithoutBranches) {
  const std::vector<ChosenLeaf> all = Leaves(near_.row(0), kManyLeaves);
  const std::vector<ChosenLeaf> expected = Leaves(near_.row(0), kManyLeaves, /*branches=*/false);
  ASSERT_EQ(all.size(), static_cast<size_t>(kManyLeaves));
  for (int64_t i = 0; i < kManyLeaves; ++i) EXPECT_EQ(all[i].leaf, expected[i].leaf);
}

// Most of the leaves, few of them, and of the last branch, which is not full: as many as are due.
TEST_P(BranchesTest, LeavesAreAsManyAsAreWanted) {
  for (const int64_t count : {1, 2, 100, 400, 599}) {
    for (int64_t q = 0; q < 30; ++q) {
      const std::vector<ChosenLeaf> chosen = Leaves(near_.row(q), count);
      EXPECT_EQ(chosen.size(), static_cast<size_t>(count));
      std::set<int32_t> leaves;
      for (const ChosenLeaf& leaf : chosen) {
        EXPECT_LT(leaf.leaf, kManyLeaves);
        leaves.insert(leaf.leaf);
      }
      EXPECT_EQ(leaves.size(), chosen.size());
    }
  }
}

}  // namespace
}  // namespace tfscann::testing
