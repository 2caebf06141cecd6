#include "cc/search/code_error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/search.h"

namespace tfscann::testing {
namespace {

BuildConfig Config(DistanceMeasure measure, int64_t num_leaves) {
  return TreeConfig(measure, num_leaves, /*soar=*/false);
}

double Mean(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<float> Errors(const Matrix& rows, const BuildConfig& config, int64_t sample = 1 << 20) {
  const IndexFile file = BuildIndex(rows, config);
  return CodeErrors(file.index->parts(), sample);
}

class CodeErrorTest : public ::testing::TestWithParam<DistanceMeasure> {};

INSTANTIATE_TEST_SUITE_P(Measures, CodeErrorTest,
                         ::testing::Values(DistanceMeasure::kDotProduct,
                                           DistanceMeasure::kSquaredL2));

// Blocks of 2 dimensions that take 8 values of one length, or of a half, so that with scales no two
// need to share a code: with this seed, none do.
TEST_P(CodeErrorTest, CodesThatSayAllHaveNone) {
  Matrix rows(640, 6);
  for (int64_t i = 0; i < rows.rows(); ++i) {
    for (int64_t block = 0; block < 3; ++block) {
      const int64_t value = (i / (block == 2 ? 40 : 1) + block * 3) % 8;
      const double angle = static_cast<double>(value) * std::acos(-1.0) / 4;
      const double length = i / 8 % 2 == 0 ? 127 : 64;
      rows.row(i)[2 * block] = static_cast<float>(length * std::cos(angle));
      rows.row(i)[2 * block + 1] = static_cast<float>(length * std::sin(angle));
    }
  }
  BuildConfig config = Config(GetParam(), 1);
  config.seed = 23;
  const std::vector<float> errors = Errors(rows, config);
  ASSERT_EQ(errors.size(), 640u);
  EXPECT_LT(*std::max_element(errors.begin(), errors.end()), 1e-5);
}

TEST_P(CodeErrorTest, CoarserCodesHaveMore) {
  const Matrix rows = RandomMatrix(2000, 16, 1);
  BuildConfig config = Config(GetParam(), 20);
  double error = 0;
  for (const int64_t dims : {1, 2, 4, 8}) {
    config.dimensions_per_block = dims;
    const double more = Mean(Errors(rows, config));
    EXPECT_GT(more, 1.2 * error);
    EXPECT_LT(more, 1.1);
    error = more;
  }
  EXPECT_GT(error, 0.5);
}

TEST_P(CodeErrorTest, Int8CandidatesSayTheSame) {
  const Matrix rows = RandomMatrix(2000, 16, 1);
  BuildConfig config = Config(GetParam(), 20);
  const double error = Mean(Errors(rows, config));
  config.reordering_dtype = ReorderingDtype::kInt8;
  EXPECT_NEAR(Mean(Errors(rows, config)), error, 0.01);
}

TEST_P(CodeErrorTest, ASampleIsAFewOfThem) {
  const Matrix rows = RandomMatrix(2000, 16, 1);
  const BuildConfig config = Config(GetParam(), 20);
  const std::vector<float> few = Errors(rows, config, 200);
  EXPECT_GT(few.size(), 100u);
  EXPECT_LT(few.size(), 400u);
  EXPECT_NEAR(Mean(few), Mean(Errors(rows, config)), 0.1);
}

// Files are not checked for what stands behind a leaf's last candidate.
TEST(CodeErrorOfFilesTest, PaddingIsNotRead) {
  const Matrix rows = RandomMatrix(333, 8, 1);
  const IndexFile file = BuildIndex(rows, Config(DistanceMeasure::kDotProduct, 10));
  IndexParts parts = file.index->parts();
  const std::vector<float> expected = CodeErrors(parts, 1000);
  EXPECT_EQ(expected.size(), 333u);
  std::vector<int32_t> positions(parts.position_rows.begin(), parts.position_rows.end());
  std::replace(positions.begin(), positions.end(), -1, std::numeric_limits<int32_t>::max());
  parts.position_rows = {positions.data(), positions.size()};
  EXPECT_EQ(CodeErrors(parts, 1000), expected);
}

TEST(CodeErrorOfDistancesTest, AreFromTheMean) {
  Matrix rows = RandomMatrix(2000, 16, 1);
  const BuildConfig config = Config(DistanceMeasure::kSquaredL2, 20);
  const double error = Mean(Errors(rows, config));
  for (int64_t i = 0; i < rows.rows(); ++i) rows.row(i)[3] += 1000;
  EXPECT_NEAR(Mean(Errors(rows, config)), error, 0.02);
}

}  // namespace
}  // namespace tfscann::testing
