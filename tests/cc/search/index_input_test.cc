// Queries and embeddings that are hard to score, and options that are refused.
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "cc/search/index.h"
#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"

namespace tfscann::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<IndexFile> BothKinds(const Matrix& rows, DistanceMeasure measure) {
  BuildConfig int8 = TreeConfig(measure, 12, false);
  int8.reordering_dtype = ReorderingDtype::kInt8;
  return {BuildIndex(rows, ExactConfig(measure)), BuildIndex(rows, TreeConfig(measure, 12)),
          BuildIndex(rows, int8)};
}

TEST(IndexInputTest, QueriesThatAreNotFiniteFindNothing) {
  const Matrix rows = RandomMatrix(200, 19, 1);
  for (const DistanceMeasure measure : kAllMeasures) {
    for (const IndexFile& file : BothKinds(rows, measure)) {
      EXPECT_EQ(file.index->missing_score(),
                measure == DistanceMeasure::kSquaredL2 ? kInfinity : -kInfinity);
      Matrix queries = RandomMatrix(60, 19, 2);
      const Results expected = Search(*file.index, queries, SearchOptions());
      for (int64_t q = 0; q < 60; q += 3) {
        const float bad[] = {kNan, kInfinity, -kInfinity};
        queries.row(q)[q % 19] = bad[q % 9 / 3];
      }
      const Results results = Search(*file.index, queries, SearchOptions());
      for (int64_t q = 0; q < 60; ++q) {
        if (q % 3 != 0) {
          EXPECT_EQ(results.Of(q), expected.Of(q)) << "query " << q;
          continue;
        }
        EXPECT_EQ(results.Of(q).rows, std::vector<int32_t>(10, -1));
        EXPECT_EQ(results.Of(q).scores, std::vector<float>(10, file.index->missing_score()));
      }
    }
  }
}

// Rows are found at most once, scores are no NaN and never rise.
void ExpectPlausible(const Results& results, const Index& index, int64_t num_queries) {
  const bool ascending = index.parameters().distance_measure == DistanceMeasure::kSquaredL2;
  for (int64_t q = 0; q < num_queries; ++q) {
    const Results found = results.Of(q);
    std::set<int32_t> seen;
    for (int64_t i = 0; i < found.k; ++i) {
      EXPECT_FALSE(std::isnan(found.scores[i]));
      if (i > 0) {
        const float step = found.scores[i] - found.scores[i - 1];
        // Infinities have none.
        EXPECT_FALSE(ascending ? step < 0 : step > 0) << "rank " << i;
      }
      if (found.rows[i] < 0) continue;
      EXPECT_LT(found.rows[i], index.parameters().num_candidates);
      EXPECT_TRUE(seen.insert(found.rows[i]).second);
    }
  }
}

// Products and squares of these overflow.
TEST(IndexInputTest, HugeEmbeddingsAndQueriesAreSearched) {
  for (const float size : {1e10f, 1e19f, 1e30f, 1e38f, 3e38f}) {
    Matrix rows = RandomMatrix(300, 19, 1), queries = RandomMatrix(20, 19, 2);
    for (Matrix* matrix : {&rows, &queries}) {
      for (int64_t i = 0; i < matrix->rows(); ++i) {
        // Ordinary ones among them.
        if (i % 4 == 0) continue;
        for (int64_t dim = 0; dim < 19; ++dim) matrix->row(i)[dim] *= size;
      }
    }
    for (const DistanceMeasure measure : kAllMeasures) {
      for (const IndexFile& file : BothKinds(rows, measure)) {
        SCOPED_TRACE(StrCat(NameOf(measure), ", ", size));
        ExpectPlausible(Search(*file.index, queries, SearchOptions()), *file.index, 20);
        ExpectPlausible(Search(*file.index, queries, Exhaustive(300)), *file.index, 20);
      }
    }
  }
}

TEST(IndexInputTest, HugeCosinesAreExact) {
  const Matrix rows = RandomMatrix(300, 19, 1), queries = RandomMatrix(20, 19, 2);
  Matrix huge_rows = rows, huge_queries = queries;
  for (Matrix* matrix : {&huge_rows, &huge_queries}) {
    for (int64_t i = 0; i < matrix->rows(); ++i) {
      for (int64_t dim = 0; dim < 19; ++dim) matrix->row(i)[dim] *= 0x1p120f;
    }
  }
  for (size_t kind = 0; kind < 3; ++kind) {
    const IndexFile file = std::move(BothKinds(rows, DistanceMeasure::kCosine)[kind]);
    const IndexFile huge = std::move(BothKinds(huge_rows, DistanceMeasure::kCosine)[kind]);
    EXPECT_EQ(Search(*huge.index, huge_queries, SearchOptions()),
              Search(*file.index, queries, SearchOptions()));
  }
}

// All candidates alike: every leaf but one is empty, residuals are zero.
TEST(IndexInputTest, EqualAndZeroRowsAreFoundInOrder) {
  for (const float value : {0.0f, 1.5f}) {
    const Matrix rows = MakeMatrix(100, 5, [&] { return value; });
    const Matrix query = RandomMatrix(1, 5, 1);
    std::vector<int32_t> first_ten = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (const DistanceMeasure measure : kAllMeasures) {
      for (const IndexFile& file : BothKinds(rows, measure)) {
        EXPECT_EQ(Search(*file.index, query, Exhaustive(10)).rows, first_ten) << NameOf(measure);
      }
    }
  }
}

Status TrySearch(const Index& index, int64_t dims, const SearchOptions& options) {
  const Matrix query = RandomMatrix(1, dims, 1);
  std::vector<float> scores(10);
  std::vector<int32_t> rows(10);
  SearchScratch scratch;
  return index.Search(query, options, {}, &scratch, {scores.data(), 1, 10}, {rows.data(), 1, 10});
}

TEST(IndexInputTest, BadArgumentsAreNamed) {
  const Matrix rows = RandomMatrix(100, 5, 1);
  for (const IndexFile& file : BothKinds(rows, DistanceMeasure::kDotProduct)) {
    const Index& index = *file.index;
    EXPECT_THAT(
        TrySearch(index, 6, SearchOptions()),
        Fails(StatusCode::kInvalidArgument, "queries have 6 dimensions, but the index has 5"));
    SearchOptions options;
    options.k = 0;
    EXPECT_THAT(TrySearch(index, 5, options),
                Fails(StatusCode::kInvalidArgument, "k is 0, but must be at least 1"));
    options = SearchOptions();
    options.num_leaves_to_search = 0;
    EXPECT_THAT(
        TrySearch(index, 5, options),
        Fails(StatusCode::kInvalidArgument, "num_leaves_to_search is 0, but must be at least 1"));
    options = SearchOptions();
    options.num_reordering_candidates = -3;
    EXPECT_THAT(TrySearch(index, 5, options),
                Fails(StatusCode::kInvalidArgument,
                      "num_reordering_candidates is -3, but must be at least 1"));
  }
}

TEST(IndexInputTest, Int8CandidatesCannotBeSearchedExactly) {
  BuildConfig config = TreeConfig(DistanceMeasure::kDotProduct, 12);
  config.reordering_dtype = ReorderingDtype::kInt8;
  const IndexFile file = BuildIndex(RandomMatrix(100, 5, 1), config);
  SearchOptions options;
  options.exact = true;
  EXPECT_THAT(TrySearch(*file.index, 5, options),
              Fails(StatusCode::kInvalidArgument,
                    "exact is true, but the index has int8 candidates only (reordering_dtype is "
                    "int8)"));
}

TEST(IndexInputTest, ABatchMayBeEmpty) {
  const Matrix rows = RandomMatrix(100, 5, 1), none(0, 5);
  for (const IndexFile& file : BothKinds(rows, DistanceMeasure::kDotProduct)) {
    EXPECT_TRUE(Search(*file.index, none, SearchOptions()).rows.empty());
  }
}

}  // namespace
}  // namespace tfscann::testing
