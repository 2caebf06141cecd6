#include "cc/search/scorer.h"

#include <algorithm>
#include <vector>

#include "cc/search/lookup_table.h"
#include "cc/search/partitioner.h"
#include "cc/search/query.h"
#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/search.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kDims = 30;
constexpr int64_t kQueries = 40;

class ScorerTest : public ::testing::TestWithParam<DistanceMeasure> {
 protected:
  // Queries that have chosen leaves, with a lookup table that says so much of the scores that
  // candidates have on average; 0 leaves what it says.
  std::vector<QueryState> Prepared(int64_t keep, float allowance) {
    std::vector<QueryState> states(kQueries);
    const Partitioner partitioner(parts_);
    for (int64_t q = 0; q < kQueries; ++q) {
      states[q].excluded.Reset(1);
      if (q % 3 == 0) states[q].excluded.Insert(static_cast<int32_t>(q));
      PrepareQuery(parts_, queries_.row(q), &states[q].query);
      partitioner.ChooseLeaves(12, 12, &states[q], &scratch_);
      MakeLookupTable(parts_, keep + 2, &states[q], &scratch_);
      if (allowance != 0) states[q].lookup_table.allowance = allowance;
    }
    return states;
  }
  static std::vector<uint32_t> KeptBy(QueryState* state) {
    const Span<const uint32_t> kept = state->top_codes.Finish();
    std::vector<uint32_t> positions(kept.begin(), kept.end());
    std::sort(positions.begin(), positions.end());
    return positions;
  }

  const IndexFile file_ = BuildIndex(RandomMatrix(3000, kDims, 1), TreeConfig(GetParam(), 40));
  const IndexParts& parts_ = file_.index->parts();
  const Matrix queries_ = RandomMatrix(kQueries, kDims, 2);
  SearchScratch scratch_;
};

INSTANTIATE_TEST_SUITE_P(Measures, ScorerTest,
                         ::testing::Values(DistanceMeasure::kDotProduct, DistanceMeasure::kCosine,
                                           DistanceMeasure::kSquaredL2));

// From a threshold that those reach whose residuals do not count against them, from the one that
// the table says, and from one that nothing reaches, alone and in a batch: the same codes are kept.
TEST_P(ScorerTest, KeepsTheSameWhateverTheFirstThreshold) {
  for (const int64_t keep : {1, 20, 100, 700, 20000}) {
    std::vector<std::vector<uint32_t>> expected;
    for (QueryState& state : Prepared(keep, -1e30f)) {
      ScoreChosenLeaves(parts_, keep, &state);
      expected.push_back(KeptBy(&state));
    }
    for (const float allowance : {-1e30f, 0.0f, 1e30f}) {
      std::vector<QueryState> alone = Prepared(keep, allowance), batch = Prepared(keep, allowance);
      ScoreChosenLeaves(parts_, keep, batch.data(), kQueries, &scratch_);
      for (int64_t q = 0; q < kQueries; ++q) {
        ScoreChosenLeaves(parts_, keep, &alone[q]);
        EXPECT_EQ(KeptBy(&alone[q]), expected[q]) << keep << " kept, allowance " << allowance;
        EXPECT_EQ(KeptBy(&batch[q]), expected[q]) << keep << " kept, allowance " << allowance;
      }
    }
  }
}

// A quarter of a leaf's candidates reach the threshold that the table says, so that no query is
// scanned again for it.
TEST_P(ScorerTest, EnoughReachTheFirstThreshold) {
  for (QueryState& state : Prepared(1, 0)) {
    state.chosen_leaves.Resize(1);
    const ChosenLeaf nearest = state.chosen_leaves[0];
    const int64_t keep = parts_.leaf_sizes[nearest.leaf] / 4 - 2 * state.excluded.size();
    const uint16_t threshold = LikelyThreshold(parts_, keep, state);
    EXPECT_GT(state.lookup_table.zero_sum, 0);
    const float of_radius = state.lookup_table.allowance * parts_.leaf_radii[nearest.leaf];
    EXPECT_GT(of_radius, 0);
    EXPECT_EQ(threshold, state.lookup_table.ScoreOffset(nearest.bias + of_radius));
    ScoreChosenLeaves(parts_, keep, &state);
    state.top_codes.Finish();
    EXPECT_GE(state.top_codes.threshold(), threshold);
    // There are not enough for more.
    EXPECT_EQ(LikelyThreshold(parts_, parts_.leaf_sizes[nearest.leaf], state), 0);
  }
}

}  // namespace
}  // namespace tfscann::testing
