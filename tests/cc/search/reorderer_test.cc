#include "cc/search/reorderer.h"

#include <algorithm>
#include <set>
#include <vector>

#include "cc/search/lookup_table.h"
#include "cc/search/partitioner.h"
#include "cc/search/query.h"
#include "cc/search/scorer.h"
#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/search.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kDims = 30;
constexpr int64_t kKept = 80;  // codes
constexpr int64_t kResults = 10;
constexpr int64_t kMost = 13;

class ReordererTest : public ::testing::TestWithParam<DistanceMeasure> {
 protected:
  // The first stages: leaves, and the best codes in them.
  QueryState Scan(const IndexParts& parts, const float* query) {
    QueryState state;
    state.excluded.Reset(0);
    PrepareQuery(parts, query, &state.query);
    Partitioner(parts).ChooseLeaves(20, 20, &state, &scratch_);
    MakeLookupTable(parts, kKept, &state, &scratch_);
    ScoreChosenLeaves(parts, kKept, &state);
    return state;
  }
  static std::vector<int32_t> RowsOf(const QueryState& state) {
    const Span<const int32_t> rows = state.reordered_rows;
    return {rows.begin(), rows.end()};
  }
  // The best of the state's rows, by the kernels of exact search.
  std::vector<int32_t> Best(const IndexParts& parts, const QueryState& state) {
    ScoreRows(parts, kResults, state, &scratch_);
    std::vector<int32_t> best;
    for (const ScoredKey key : scratch_.top_rows.FinishSorted()) {
      best.push_back(static_cast<int32_t>(KeyItem(key)));
    }
    return best;
  }

  // What is selected, in order, of rows 500 to 539, which are given in any other.
  std::vector<int32_t> SelectedOf40(const IndexParts& parts, const float* query) {
    QueryState state = Scan(parts, query);
    int32_t* const given = state.reordered_rows.Resize(40);
    for (int32_t i = 0; i < 40; ++i) given[i] = 500 + i * 7 % 40;
    SelectRows(parts, kResults, kMost, &state, &scratch_);
    std::vector<int32_t> selected = RowsOf(state);
    std::sort(selected.begin(), selected.end());
    return selected;
  }

  SearchScratch scratch_;
};

INSTANTIATE_TEST_SUITE_P(Measures, ReordererTest,
                         ::testing::Values(DistanceMeasure::kDotProduct, DistanceMeasure::kCosine,
                                           DistanceMeasure::kSquaredL2));

TEST_P(ReordererTest, CollectsEachRowOnce) {
  const IndexFile file = BuildIndex(RandomMatrix(2000, kDims, 1), TreeConfig(GetParam(), 40));
  const IndexParts& parts = file.index->parts();
  const Matrix queries = RandomMatrix(20, kDims, 2);
  for (int64_t q = 0; q < queries.rows(); ++q) {
    QueryState state = Scan(parts, queries.row(q));
    std::set<int32_t> expected;
    const Span<const uint32_t> positions = state.top_codes.Finish();
    for (const uint32_t position : positions) expected.insert(parts.position_rows[position]);
    ASSERT_LT(expected.size(), positions.size()) << "no candidate has both copies in the list";
    CollectRows(parts, &state, &scratch_);
    std::vector<int32_t> rows = RowsOf(state);
    std::sort(rows.begin(), rows.end());
    EXPECT_EQ(rows, std::vector<int32_t>(expected.begin(), expected.end()));
  }
}

// Some rows are far below the k-th best, in units of the errors of their int8 scores, and get no
// float32 score; the best k are the same.
TEST_P(ReordererTest, SelectsWhatMayBeAmongTheBest) {
  const IndexFile file = BuildIndex(RandomMatrix(2000, kDims, 1), TreeConfig(GetParam(), 40));
  const IndexParts& parts = file.index->parts();
  const Matrix queries = RandomMatrix(200, kDims, 2);
  int64_t selected = 0, found = 0;
  for (int64_t q = 0; q < queries.rows(); ++q) {
    QueryState state = Scan(parts, queries.row(q));
    CollectRows(parts, &state, &scratch_);
    const std::vector<int32_t> all = Best(parts, state);
    SelectRows(parts, kResults, kMost, &state, &scratch_);
    const int64_t size = static_cast<int64_t>(state.reordered_rows.size());
    ASSERT_GE(size, kResults);
    ASSERT_LE(size, kMost);
    selected += size;
    const std::vector<int32_t> best = Best(parts, state);
    for (const int32_t row : best) found += std::count(all.begin(), all.end(), row);
  }
  EXPECT_LT(selected, 12 * queries.rows());
  EXPECT_GE(found, kResults * queries.rows() - 2);
}

TEST_P(ReordererTest, OfEqualRowsSelectsTheLowest) {
  Matrix rows = RandomMatrix(2000, kDims, 1);
  for (int64_t i = 500; i < 540; ++i) std::copy_n(rows.row(0), kDims, rows.row(i));
  const IndexFile file = BuildIndex(rows, TreeConfig(GetParam(), 40));
  std::vector<int32_t> expected;
  for (int32_t i = 0; i < kMost; ++i) expected.push_back(500 + i);
  EXPECT_EQ(SelectedOf40(file.index->parts(), rows.row(0)), expected);
}

// Scores that overflow exclude no row: as many stay as may.
TEST_P(ReordererTest, ScoresThatOverflowExcludeNoRow) {
  Matrix rows = RandomMatrix(2000, kDims, 1);
  for (int64_t i = 0; i < 2000; ++i) {
    for (int64_t dim = 0; dim < kDims; ++dim) rows.row(i)[dim] *= 1e37f;
  }
  const IndexFile file = BuildIndex(rows, TreeConfig(GetParam(), 40));
  const size_t size = SelectedOf40(file.index->parts(), rows.row(0)).size();
  if (GetParam() == DistanceMeasure::kCosine) {
    EXPECT_GE(size, size_t{kResults});  // rows are of unit length
  } else {
    EXPECT_EQ(size, size_t{kMost});
  }
}

// Near the mean candidate a query's own values are small, its distances are not.
TEST_P(ReordererTest, SelectsForQueriesNearTheMean) {
  if (GetParam() != DistanceMeasure::kSquaredL2) return;
  const IndexFile file = BuildIndex(RandomMatrix(2000, kDims, 1), TreeConfig(GetParam(), 40));
  const IndexParts& parts = file.index->parts();
  Matrix queries = RandomMatrix(100, kDims, 3);
  int64_t found = 0;
  for (int64_t q = 0; q < queries.rows(); ++q) {
    for (int64_t dim = 0; dim < kDims; ++dim) {
      queries.row(q)[dim] = parts.center[dim] + 0.1f * queries.row(q)[dim];
    }
    QueryState state = Scan(parts, queries.row(q));
    CollectRows(parts, &state, &scratch_);
    const std::vector<int32_t> all = Best(parts, state);
    SelectRows(parts, kResults, kMost, &state, &scratch_);
    for (const int32_t row : Best(parts, state)) found += std::count(all.begin(), all.end(), row);
  }
  EXPECT_GE(found, kResults * queries.rows() - 4);
}

}  // namespace
}  // namespace tfscann::testing
