// Rows that a query must not return.
#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "cc/search/index.h"
#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"

namespace tfscann::testing {
namespace {

class IndexExclusionsTest : public ::testing::TestWithParam<DistanceMeasure> {};
INSTANTIATE_TEST_SUITE_P(Measures, IndexExclusionsTest, ::testing::ValuesIn(kAllMeasures),
                         [](const ::testing::TestParamInfo<DistanceMeasure>& info) {
                           return NameOf(info.param);
                         });

using RowLists = std::vector<std::vector<int32_t>>;

std::vector<int32_t> AllRows(int64_t count) {
  std::vector<int32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::vector<IndexFile> BothKinds(const Matrix& rows, DistanceMeasure measure) {
  return {BuildIndex(rows, ExactConfig(measure)), BuildIndex(rows, TreeConfig(measure, 12))};
}

void ExpectExactResults(const Index& index, const Matrix& rows, const Matrix& queries, int64_t k,
                        const RowLists& excluded) {
  const DistanceMeasure measure = index.parameters().distance_measure;
  const Results results = Search(index, queries, Exhaustive(k), excluded);
  for (int64_t q = 0; q < queries.rows(); ++q) {
    const std::set<int32_t> of_query(excluded[q].begin(), excluded[q].end());
    EXPECT_EQ(results.Of(q), Expected(measure, rows, queries.row(q), k, of_query)) << "query " << q;
  }
}

// Each query of a batch has its own: none, its best ones, random ones, some of them twice.
TEST_P(IndexExclusionsTest, OthersTakeTheirPlaces) {
  const Matrix rows = ExactMatrix(GetParam(), 300, 6, 1);
  const Matrix queries = ExactMatrix(GetParam(), 30, 6, 2);
  RowLists excluded(30);
  Random random(1, 0, 0);
  for (int64_t q = 1; q < 30; ++q) {
    const std::vector<int32_t> best = Expected(GetParam(), rows, queries.row(q), q % 5).rows;
    excluded[q] = best;
    excluded[q].insert(excluded[q].end(), best.begin(), best.end());
    for (int64_t i = 0; i < 3 * q; ++i) {
      excluded[q].push_back(static_cast<int32_t>(random.Below(300)));
    }
  }
  for (const IndexFile& file : BothKinds(rows, GetParam())) {
    ExpectExactResults(*file.index, rows, queries, 10, excluded);
  }
}

TEST_P(IndexExclusionsTest, WhatIsLeftIsReturnedAndTheRestIsMissing) {
  const Matrix rows = ExactMatrix(GetParam(), 100, 6, 1);
  const Matrix queries = ExactMatrix(GetParam(), 3, 6, 2);
  RowLists excluded(3, AllRows(100));
  excluded[1].erase(excluded[1].begin() + 42);
  excluded[2].erase(excluded[2].begin() + 10, excluded[2].begin() + 14);
  for (const IndexFile& file : BothKinds(rows, GetParam())) {
    ExpectExactResults(*file.index, rows, queries, 5, excluded);
    const Results results = Search(*file.index, queries, Exhaustive(5), excluded);
    EXPECT_EQ(results.Of(0).rows, std::vector<int32_t>(5, -1));
    EXPECT_EQ(results.Of(0).scores, std::vector<float>(5, file.index->missing_score()));
    EXPECT_EQ(results.Of(1).rows, (std::vector<int32_t>{42, -1, -1, -1, -1}));
  }
}

// More rows are excluded than stand in the leaves that would be searched, so that others must be:
// all that a search without exclusions finds, then all that the next one finds, and so on.
TEST_P(IndexExclusionsTest, MoreLeavesAreSearchedUntilThereAreEnough) {
  const Matrix rows = RandomMatrix(2000, 6, 1);
  const Matrix query = RandomMatrix(1, 6, 2);
  for (const bool soar : {false, true}) {
    const IndexFile file = BuildIndex(rows, TreeConfig(GetParam(), 50, soar));
    SearchOptions options;
    options.k = 100;
    options.num_leaves_to_search = 1;
    std::set<int32_t> seen;
    for (int round = 0; round < 20; ++round) {
      const RowLists excluded = {{seen.begin(), seen.end()}};
      for (const int32_t row : Search(*file.index, query, options, excluded).rows) {
        ASSERT_GE(row, 0) << "round " << round;
        ASSERT_TRUE(seen.insert(row).second) << "row " << row << " was excluded";
      }
    }
    EXPECT_EQ(seen.size(), 2000u);
    const RowLists all = {AllRows(2000)};
    EXPECT_EQ(Search(*file.index, query, options, all).rows, std::vector<int32_t>(100, -1));
  }
}

// The same holds of k larger than a leaf, with no exclusions.
TEST_P(IndexExclusionsTest, KLargerThanTheLeavesSearchedIsMet) {
  const Matrix rows = RandomMatrix(1000, 6, 1);
  const Matrix queries = RandomMatrix(5, 6, 2);
  const IndexFile file = BuildIndex(rows, TreeConfig(GetParam(), 50));
  for (const int64_t k : {50, 500, 1000}) {
    SearchOptions options;
    options.k = k;
    options.num_leaves_to_search = 1;
    options.num_reordering_candidates = 1;
    const Results results = Search(*file.index, queries, options);
    for (int64_t q = 0; q < queries.rows(); ++q) {
      const std::vector<int32_t> found = results.Of(q).rows;
      const std::set<int32_t> distinct(found.begin(), found.end());
      EXPECT_EQ(distinct.size(), static_cast<size_t>(k));
      EXPECT_EQ(distinct.count(-1), 0u);
    }
  }
}

TEST_P(IndexExclusionsTest, ABatchWithNoneIsABatchWithEmptyLists) {
  const Matrix rows = RandomMatrix(300, 6, 1);
  const Matrix queries = RandomMatrix(40, 6, 2);
  for (const IndexFile& file : BothKinds(rows, GetParam())) {
    EXPECT_EQ(Search(*file.index, queries, SearchOptions(), RowLists(40)),
              Search(*file.index, queries, SearchOptions()));
  }
}

}  // namespace
}  // namespace tfscann::testing
