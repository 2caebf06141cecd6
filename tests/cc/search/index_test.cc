// What a search finds when it looks at everything, against brute force.
#include "cc/search/index.h"

#include <cmath>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kDims[] = {1, 2, 3, 7, 16, 17, 33, 64, 100, 127, 255, 384, 1024};
constexpr int64_t kSizes[] = {1, 2, 3, 5, 31, 32, 33, 100, 999, 5000};

// Every number of dimensions and every number of candidates, but not all pairs of them.
std::vector<std::pair<int64_t, int64_t>> Shapes() {
  std::vector<std::pair<int64_t, int64_t>> shapes;
  for (const int64_t dims : kDims) shapes.push_back({33, dims});
  for (const int64_t size : kSizes) {
    shapes.push_back({size, 3});
    if (size <= 100) shapes.push_back({size, 17});
  }
  shapes.push_back({999, 64});
  return shapes;
}

// Queries are integers, too: results are literally those of brute force, ties included.
void ExpectExactResults(const Index& index, DistanceMeasure measure, const Matrix& rows) {
  const Matrix queries = ExactMatrix(measure, 4, rows.cols(), 99);
  for (const int64_t k : {int64_t{1}, rows.rows() / 2 + 1, rows.rows(), rows.rows() + 3}) {
    const Results results = Search(index, queries, Exhaustive(k));
    for (int64_t q = 0; q < queries.rows(); ++q) {
      const Results expected = Expected(measure, rows, queries.row(q), k);
      EXPECT_EQ(results.Of(q).rows, expected.rows) << "k " << k << ", query " << q;
      EXPECT_EQ(results.Of(q).scores, expected.scores) << "k " << k << ", query " << q;
    }
  }
}

class IndexTest : public ::testing::TestWithParam<DistanceMeasure> {};
INSTANTIATE_TEST_SUITE_P(Measures, IndexTest, ::testing::ValuesIn(kAllMeasures),
                         [](const ::testing::TestParamInfo<DistanceMeasure>& info) {
                           return NameOf(info.param);
                         });

TEST_P(IndexTest, ExactIndexIsBruteForce) {
  for (const auto& [size, dims] : Shapes()) {
    SCOPED_TRACE(StrCat(size, " x ", dims));
    const Matrix rows = ExactMatrix(GetParam(), size, dims, size + dims);
    const IndexFile file = BuildIndex(rows, ExactConfig(GetParam()));
    EXPECT_TRUE(file.index->parameters().exact());
    ExpectExactResults(*file.index, GetParam(), rows);
  }
}

TEST_P(IndexTest, TreeSearchedWholeIsBruteForce) {
  bool soar = false;
  for (const auto& [size, dims] : Shapes()) {
    SCOPED_TRACE(StrCat(size, " x ", dims));
    const Matrix rows = ExactMatrix(GetParam(), size, dims, size + dims);
    const IndexFile file = BuildIndex(rows, TreeConfig(GetParam(), size / 20 + 2, soar));
    EXPECT_EQ(file.index->parameters().num_leaves, std::min(size, size / 20 + 2));
    EXPECT_EQ(file.index->parameters().soar, soar && size > 1);
    ExpectExactResults(*file.index, GetParam(), rows);
    soar = !soar;
  }
}

TEST_P(IndexTest, AnyIndexCanBeSearchedExactly) {
  const Matrix rows = ExactMatrix(GetParam(), 300, 6, 1);
  const Matrix queries = ExactMatrix(GetParam(), 30, 6, 2);
  SearchOptions options;
  options.k = 7;
  options.num_leaves_to_search = 1;
  options.exact = true;
  const IndexFile file = BuildIndex(rows, TreeConfig(GetParam(), 12));
  const Results results = Search(*file.index, queries, options);
  options.exact = false;
  const Results few = Search(*file.index, queries, options);
  int64_t num_different = 0;
  for (int64_t q = 0; q < 30; ++q) {
    const Results expected = Expected(GetParam(), rows, queries.row(q), 7);
    EXPECT_EQ(results.Of(q), expected) << "query " << q;
    num_different += !(few.Of(q) == expected);
  }
  EXPECT_GT(num_different, 0);
}

// Rows with room between them, as files of version 2 may have, and without, as in version 1.
TEST_P(IndexTest, TheStrideOfInt8RowsMakesNoDifference) {
  constexpr int64_t kRows = 500, kWidth = 52;
  const IndexFile file = BuildIndex(RandomMatrix(kRows, kWidth, 1), TreeConfig(GetParam(), 20));
  IndexParts parts = file.index->parts();
  ASSERT_EQ(parts.parameters.int8_row_stride, 64);
  std::vector<int8_t> compact;
  for (int64_t row = 0; row < kRows; ++row) {
    const int8_t* const bytes = parts.CandidateInt8Rows().row(row);
    compact.insert(compact.end(), bytes, bytes + Int8RowBytes(kWidth));
  }
  compact.resize(compact.size() + kInt8Overread);
  parts.int8_rows = {compact.data(), compact.size()};
  parts.parameters.int8_row_stride = Int8RowBytes(kWidth);
  SearchOptions options;
  options.num_leaves_to_search = 8;
  options.num_reordering_candidates = 15;
  const Matrix queries = RandomMatrix(50, kWidth, 2);
  const Results results = Search(*file.index, queries, options);
  EXPECT_EQ(results, Search(Index(parts, nullptr), queries, options));
  // The list is cut by int8 rows.
  options.num_reordering_candidates = kRows;
  EXPECT_FALSE(results == Search(*file.index, queries, options));
}

// On other data scores are rounded, and near ties may change places.
void ExpectNearResults(const Index& index, DistanceMeasure measure, MatrixView<const float> rows,
                       const SearchOptions& options, double tolerance) {
  const Matrix queries = RandomMatrix(5, rows.cols(), 99);
  const Results results = Search(index, queries, options);
  for (int64_t q = 0; q < queries.rows(); ++q) {
    const std::vector<Neighbor> expected = BruteForce(measure, rows, queries.row(q), options.k);
    const Results found = results.Of(q);
    std::set<int32_t> seen;
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(found.scores[i], expected[i].score, tolerance);
      ASSERT_GE(found.rows[i], 0);
      ASSERT_LT(found.rows[i], rows.rows());
      EXPECT_TRUE(seen.insert(found.rows[i]).second) << "row " << found.rows[i] << " came twice";
      const float* row = rows.row(found.rows[i]);
      EXPECT_NEAR(found.scores[i], ExactScore(measure, queries.row(q), row, rows.cols()),
                  tolerance);
    }
  }
}

TEST_P(IndexTest, RandomRowsAreScoredWithinRounding) {
  for (const auto& [size, dims] : {std::pair<int64_t, int64_t>{1000, 33}, {200, 384}}) {
    const Matrix rows = RandomMatrix(size, dims, 1);
    const double tolerance = 1e-6 * static_cast<double>(dims);
    SearchOptions options = Exhaustive(50);
    const IndexFile exact = BuildIndex(rows, ExactConfig(GetParam()));
    ExpectNearResults(*exact.index, GetParam(), rows, options, tolerance);
    const IndexFile tree = BuildIndex(rows, TreeConfig(GetParam(), 20));
    ExpectNearResults(*tree.index, GetParam(), rows, options, tolerance);
  }
}

// The rows of an index with int8 reordering are what its bytes say.
Matrix Dequantized(const IndexParts& parts) {
  const int64_t dims = parts.parameters.dimensions;
  Matrix rows(parts.parameters.num_candidates, dims);
  const int64_t stride = RoundUp(dims, 4) + 8;
  for (int64_t i = 0; i < rows.rows(); ++i) {
    const int8_t* bytes = parts.int8_rows.data() + i * stride;
    float scale;
    std::memcpy(&scale, bytes + stride - 8, sizeof(scale));
    for (int64_t dim = 0; dim < dims; ++dim) {
      rows.row(i)[dim] = scale * bytes[dim] + (parts.center.empty() ? 0 : parts.center[dim]);
    }
  }
  return rows;
}

TEST_P(IndexTest, Int8ReorderingScoresTheInt8Rows) {
  const Matrix rows = RandomMatrix(1000, 33, 1);
  BuildConfig config = TreeConfig(GetParam(), 20);
  config.reordering_dtype = ReorderingDtype::kInt8;
  const IndexFile file = BuildIndex(rows, config);
  EXPECT_TRUE(file.index->parts().rows.empty());
  const Matrix int8_rows = Dequantized(file.index->parts());
  if (GetParam() == DistanceMeasure::kCosine) {
    // Of unit length only nearly: their cosine is a dot product.
    Matrix queries = RandomMatrix(5, 33, 99);
    const Results results = Search(*file.index, queries, Exhaustive(50));
    for (int64_t q = 0; q < 5; ++q) {
      for (int64_t i = 0; i < 50; ++i) {
        const double cosine =
            ExactScore(GetParam(), queries.row(q), rows.row(results.Of(q).rows[i]), 33);
        EXPECT_NEAR(results.Of(q).scores[i], cosine, 0.01);
      }
    }
    return;
  }
  ExpectNearResults(*file.index, GetParam(), int8_rows, Exhaustive(50), 1e-4);
}

TEST_P(IndexTest, OptionsBeyondTheIndexMeanAllOfIt) {
  const Matrix rows = ExactMatrix(GetParam(), 200, 8, 1);
  const Matrix queries = ExactMatrix(GetParam(), 3, 8, 2);
  const IndexFile file = BuildIndex(rows, TreeConfig(GetParam(), 10));
  SearchOptions all;
  all.num_leaves_to_search = 10;
  all.num_reordering_candidates = 200;
  SearchOptions more;
  more.num_leaves_to_search = int64_t{1} << 62;
  more.num_reordering_candidates = int64_t{1} << 62;
  EXPECT_EQ(Search(*file.index, queries, all), Search(*file.index, queries, more));
}

TEST_P(IndexTest, OptionsLeftUnsetAreTheIndexsOwn) {
  const Matrix rows = RandomMatrix(500, 8, 1);
  const Matrix queries = RandomMatrix(20, 8, 2);
  BuildConfig config = TreeConfig(GetParam(), 20);
  config.num_leaves_to_search = 3;
  config.num_reordering_candidates = 25;
  const IndexFile file = BuildIndex(rows, config);
  SearchOptions named;
  named.num_leaves_to_search = 3;
  named.num_reordering_candidates = 25;
  SearchOptions fewer = named;
  fewer.num_leaves_to_search = 1;
  const Results own = Search(*file.index, queries, SearchOptions());
  EXPECT_EQ(own, Search(*file.index, queries, named));
  EXPECT_FALSE(own == Search(*file.index, queries, fewer));
}

TEST_P(IndexTest, MoreResultsThanTheIndexWasTunedForComeFromALongerList) {
  const Matrix rows = RandomMatrix(500, 8, 1);
  const Matrix queries = RandomMatrix(20, 8, 2);
  BuildConfig config = TreeConfig(GetParam(), 20);
  config.num_leaves_to_search = 20;
  config.num_reordering_candidates = 15;
  config.k = 10;
  const IndexFile file = BuildIndex(rows, config);
  for (const auto& [k, list] : {std::pair{9, 15}, {10, 15}, {11, 17}, {30, 45}, {400, 500}}) {
    SearchOptions own, named;
    own.k = named.k = k;
    named.num_reordering_candidates = list;
    EXPECT_EQ(Search(*file.index, queries, own), Search(*file.index, queries, named));
    if (k == 30) {
      named.num_reordering_candidates = k;
      EXPECT_FALSE(Search(*file.index, queries, own) == Search(*file.index, queries, named));
    }
  }
}

}  // namespace
}  // namespace tfscann::testing
