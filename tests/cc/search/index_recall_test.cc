// How much of the truth a default search finds.
#include <cmath>
#include <set>
#include <vector>

#include "cc/base/random.h"
#include "cc/search/index.h"
#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kCandidates = 20000;
constexpr int64_t kDims = 32;
constexpr int64_t kQueries = 200;

struct RecallData {
  // Of the ten best, for queries that are not among the candidates.
  double Recall(const Index& index) const {
    const Results found = Search(index, queries, SearchOptions());
    const Results truth = Search(index, queries, Exhaustive(10));
    int64_t hits = 0;
    for (int64_t q = 0; q < kQueries; ++q) {
      const std::vector<int32_t> expected = truth.Of(q).rows;
      const std::set<int32_t> wanted(expected.begin(), expected.end());
      for (const int32_t row : found.Of(q).rows) hits += static_cast<int64_t>(wanted.count(row));
    }
    return static_cast<double>(hits) / (10 * kQueries);
  }

  Matrix rows = ClusteredMatrix(kCandidates, kDims, 500, 1);
  Matrix queries = ClusteredMatrix(kQueries, kDims, 500, 2);
};

class IndexRecallTest : public ::testing::TestWithParam<DistanceMeasure> {};
INSTANTIATE_TEST_SUITE_P(Measures, IndexRecallTest, ::testing::ValuesIn(kAllMeasures),
                         [](const ::testing::TestParamInfo<DistanceMeasure>& info) {
                           return NameOf(info.param);
                         });

TEST_P(IndexRecallTest, DefaultsFindMostWithoutLookingAtAll) {
  const RecallData data;
  const IndexFile file = BuildIndex(data.rows, ExactConfig(GetParam()));
  const IndexParameters& parameters = file.index->parameters();
  EXPECT_EQ(parameters.num_leaves, 566);  // 4 sqrt(n)
  EXPECT_TRUE(parameters.soar);
  EXPECT_LT(parameters.num_leaves_to_search, parameters.num_leaves / 2);
  EXPECT_GE(parameters.measured_recall, 0.95);
  EXPECT_GE(data.Recall(*file.index), 0.9);
}

// Lengths differ by far, from leaf to leaf and within leaves: what norm terms say counts, and they
// must not cost other blocks their resolution.
TEST(IndexNormsTest, SquaredL2OfUnequalLengths) {
  RecallData data;
  Random random(5, 0, 0);
  for (Matrix* rows : {&data.rows, &data.queries}) {
    for (int64_t i = 0; i < rows->rows(); ++i) {
      const float length = std::exp(1.5f * static_cast<float>(random.Uniform() - 0.5));
      for (int64_t dim = 0; dim < kDims; ++dim) rows->row(i)[dim] *= length;
    }
  }
  const IndexFile file = BuildIndex(data.rows, ExactConfig(DistanceMeasure::kSquaredL2));
  EXPECT_LE(file.index->parameters().num_leaves_to_search, 12);
  EXPECT_GE(data.Recall(*file.index), 0.93);
}

// A candidate far from all others, in a leaf whose bias is nothing like theirs, must not cost the
// scores of the others their resolution.
TEST(IndexOutlierTest, OneFarCandidateChangesLittle) {
  constexpr int64_t kFew = 4000;
  Matrix rows = ClusteredMatrix(kFew, kDims, 100, 1);
  const Matrix queries = ClusteredMatrix(50, kDims, 100, 2);
  BuildConfig config = ExactConfig(DistanceMeasure::kDotProduct);
  config.num_leaves = 100;
  config.num_leaves_to_search = 100;
  config.num_reordering_candidates = 60;
  double recalls[2];
  for (const bool far : {false, true}) {
    if (far) {
      for (int64_t dim = 0; dim < kDims; ++dim) rows.row(kFew - 1)[dim] = 1e5f;
    }
    const IndexFile file = BuildIndex(rows, config);
    const Results found = Search(*file.index, queries, SearchOptions());
    const Results truth = Search(*file.index, queries, Exhaustive(10));
    int64_t hits = 0;
    for (int64_t q = 0; q < queries.rows(); ++q) {
      const std::vector<int32_t> expected = truth.Of(q).rows;
      const std::set<int32_t> wanted(expected.begin(), expected.end());
      for (const int32_t row : found.Of(q).rows) hits += static_cast<int64_t>(wanted.count(row));
    }
    recalls[far] = static_cast<double>(hits) / static_cast<double>(10 * queries.rows());
  }
  EXPECT_GT(recalls[false], 0.9);
  EXPECT_GT(recalls[true], recalls[false] - 0.05);
}

// Building takes most of the time; one measure will do.
TEST(IndexInt8RecallTest, SoDoInt8RowsAndOneCopy) {
  const RecallData data;
  BuildConfig config = ExactConfig(DistanceMeasure::kSquaredL2);
  config.reordering_dtype = ReorderingDtype::kInt8;
  config.soar_lambda = 0;
  config.num_leaves = 200;
  const IndexFile file = BuildIndex(data.rows, config);
  EXPECT_FALSE(file.index->parameters().soar);
  // The truth of an index without float rows is that of its int8 rows.
  EXPECT_GE(data.Recall(*file.index), 0.9);
}

}  // namespace
}  // namespace tfscann::testing
