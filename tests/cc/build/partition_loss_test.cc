#include "cc/build/partition_loss.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {
namespace {

TEST(PartitionLossTest, WeightsAreProbabilities) {
  PartitionLoss loss;
  EXPECT_EQ(loss.WeightOf(0), 1);
  EXPECT_EQ(loss.WeightOf(5), 1);
  loss.threshold = 3;
  // Twice the normal distribution's tails beyond 1, 2 and 3 deviations.
  EXPECT_NEAR(loss.WeightOf(3), 0.317310508, 1e-9);
  EXPECT_NEAR(loss.WeightOf(1.5), 0.045500264, 1e-9);
  EXPECT_NEAR(loss.WeightOf(1), 0.002699796, 1e-9);
  EXPECT_EQ(loss.WeightOf(0), 0);
}

TEST(PartitionLossTest, ThresholdIsExceededByOneProductInAThousand) {
  // 3.0902 deviations, of rows that are equally long.
  Matrix rows = RandomMatrix(500, 3, 1);
  for (int64_t i = 0; i < 500; ++i) {
    float* const row = rows.row(i);
    const float length = std::sqrt(row[0] * row[0] + row[1] * row[1] + row[2] * row[2]);
    for (int64_t dim = 0; dim < 3; ++dim) row[dim] *= 2 / length;
  }
  EXPECT_NEAR(ThresholdForProducts(rows), 2 * 3.0902, 1e-3);
  // One row in ten is ten times as long: with it, one in a hundred does.
  for (int64_t i = 0; i < 500; i += 10) {
    for (int64_t dim = 0; dim < 3; ++dim) rows.row(i)[dim] *= 10;
  }
  EXPECT_NEAR(ThresholdForProducts(rows), 20 * 2.3263, 1e-2);
}

TEST(PartitionLossTest, ThresholdOfAnyLengthsIsFinite) {
  for (const float value : {0.0f, 1e-38f, 3e38f}) {
    const Matrix rows = MakeMatrix(20, 4, [&] { return value; });
    const double threshold = ThresholdForProducts(rows);
    EXPECT_TRUE(std::isfinite(threshold));
    EXPECT_EQ(threshold > 0, value > 0);
  }
}

}  // namespace
}  // namespace tfscann::testing
