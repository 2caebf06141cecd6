#include "cc/build/codebook_trainer.h"

#include <algorithm>

#include "cc/base/aligned_buffer.h"
#include "gtest/gtest.h"
#include "tests/cc/build/context.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/status_matchers.h"

namespace tfscann::testing {
namespace {

std::vector<float> Train(const Matrix& residuals, int64_t dims_per_block, int threads = 1,
                         uint64_t seed = 1) {
  TestContext context(threads, seed);
  Result<std::vector<float>> codebooks = TrainCodebooks(residuals, dims_per_block, context());
  TFSCANN_EXPECT_OK(codebooks);
  return *codebooks;
}

// Mean squared error of the nearest centres in one block.
double Distortion(const Matrix& residuals, const std::vector<float>& codebooks, int64_t width,
                  int64_t block) {
  double sum = 0;
  for (int64_t i = 0; i < residuals.rows(); ++i) {
    double least = std::numeric_limits<double>::infinity();
    for (int centre = 0; centre < 16; ++centre) {
      double squared = 0;
      for (int64_t dim = block * width; dim < std::min((block + 1) * width, residuals.cols());
           ++dim) {
        const double error = residuals.row(i)[dim] - codebooks[dim * 16 + centre];
        squared += error * error;
      }
      least = std::min(least, squared);
    }
    sum += least;
  }
  return sum / static_cast<double>(residuals.rows());
}

TEST(TrainCodebooksTest, CentresAreNearToAllRows) {
  const Matrix residuals = RandomMatrix(3000, 6, 1);
  // Uniform in [-1, 1): the best 16 levels have an error of 1 / 768, the best 4 x 4 of 1 / 24.
  const std::vector<float> one = Train(residuals, 1), two = Train(residuals, 2);
  for (int64_t block = 0; block < 6; ++block) {
    EXPECT_LT(Distortion(residuals, one, 1, block), 2.0 / 768);
  }
  for (int64_t block = 0; block < 3; ++block) {
    EXPECT_LT(Distortion(residuals, two, 2, block), 1.2 / 24);
  }
}

TEST(TrainCodebooksTest, TheLastBlockIsPaddedWithZeros) {
  for (const int64_t width : {2, 3, 4}) {
    const int64_t dims = 7, padded = CeilDiv(dims, width) * width;
    const std::vector<float> codebooks = Train(RandomMatrix(500, dims, 1), width);
    ASSERT_EQ(static_cast<int64_t>(codebooks.size()), padded * 16);
    for (int64_t i = dims * 16; i < padded * 16; ++i) EXPECT_EQ(codebooks[i], 0.0f);
  }
}

TEST(TrainCodebooksTest, FewRowsAreCentresThemselves) {
  for (const int64_t num_rows : {1, 2, 5, 16}) {
    const Matrix residuals = RandomMatrix(num_rows, 4, 1);
    const std::vector<float> codebooks = Train(residuals, 2);
    for (int64_t block = 0; block < 2; ++block) {
      EXPECT_LT(Distortion(residuals, codebooks, 2, block), 1e-12) << num_rows << " rows";
    }
  }
}

TEST(TrainCodebooksTest, RowsAllAlikeGiveFiniteCentres) {
  for (const float value : {0.0f, 1.5f}) {
    const Matrix residuals = MakeMatrix(100, 3, [&] { return value; });
    for (const float centre : Train(residuals, 2)) EXPECT_LT(std::abs(centre), 2.0f);
  }
}

TEST(TrainCodebooksTest, DependsOnTheSeedAndNotOnThreads) {
  const Matrix residuals = RandomMatrix(500, 10, 1);
  const std::vector<float> codebooks = Train(residuals, 2);
  EXPECT_EQ(Train(residuals, 2, 4), codebooks);
  EXPECT_NE(Train(residuals, 2, 1, 2), codebooks);
}

TEST(TrainCodebooksTest, StopsWhenCancelled) {
  TestContext context;
  context.Cancel();
  EXPECT_THAT(TrainCodebooks(RandomMatrix(100, 2, 1), 2, context()),
              Fails(StatusCode::kCancelled, "the build was cancelled"));
}

}  // namespace
}  // namespace tfscann::testing
