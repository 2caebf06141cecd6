#include "cc/build/code_scales.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cc/kernels/kernels.h"
#include "gtest/gtest.h"
#include "tests/cc/build/context.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kDims = 3;

// Candidates whose residuals have these lengths, in leaves of `size` each.
struct Case {
  Case(const std::vector<float>& lengths, int64_t size, int threads = 1)
      : rows(static_cast<int64_t>(lengths.size()), kDims),
        centroids(IntegerMatrix(CeilDiv(rows.rows(), size), kDims, 1, 5)) {
    std::vector<int32_t> leaf_of_row;
    for (int64_t row = 0; row < rows.rows(); ++row) {
      const int32_t leaf = static_cast<int32_t>(row / size);
      leaf_of_row.push_back(leaf);
      std::copy_n(centroids.row(leaf), kDims, rows.row(row));
      rows.row(row)[row % kDims] += lengths[row];
    }
    leaves = ArrangeLeaves({&leaf_of_row}, centroids.rows());
    TestContext context(threads);
    measured.emplace_back(rows, centroids, leaves, context().executor);
  }

  const ResidualLengths& lengths() const { return measured[0]; }
  // By row: rows stand in their leaves in order.
  std::vector<int> Scales(DistanceMeasure measure) const {
    const std::vector<uint8_t> of_positions =
        CodeScales(measure, lengths(), LongestResidual(lengths()), leaves);
    EXPECT_EQ(of_positions.size(), leaves.position_rows.size());
    std::vector<int> scales;
    for (size_t i = 0; i < of_positions.size(); ++i) {
      if (leaves.position_rows[i] >= 0) {
        scales.push_back(of_positions[i]);
      } else {
        EXPECT_EQ(of_positions[i], 0);
      }
    }
    return scales;
  }

  Matrix rows;
  Matrix centroids;
  Leaves leaves;
  std::vector<ResidualLengths> measured;
};

TEST(ResidualLengthsTest, AreOfPositionsAndRootMeanSquareOfLeaves) {
  std::vector<float> lengths(70);
  for (size_t i = 0; i < lengths.size(); ++i) lengths[i] = static_cast<float>(i % 11);
  for (const int threads : {1, 3}) {
    const Case c(lengths, 40, threads);
    ASSERT_EQ(c.lengths().of_leaves.size(), 2u);
    for (int64_t leaf = 0; leaf < 2; ++leaf) {
      double sum = 0;
      const int64_t first = int64_t{c.leaves.first_groups[leaf]} * 32, size = c.leaves.sizes[leaf];
      for (int64_t i = 0; i < size; ++i) {
        const float length = lengths[40 * leaf + i];
        sum += length * length;
        EXPECT_EQ(c.lengths().of_positions[first + i], length);
      }
      EXPECT_NEAR(c.lengths().of_leaves[leaf], std::sqrt(sum / static_cast<double>(size)), 1e-5);
    }
    EXPECT_EQ(c.lengths().of_positions[40], 0);  // behind the first leaf's last
  }
}

TEST(CodeScalesTest, AreInProportionToLengths) {
  const Case c({0, 8, 4, 2, 1, 0.01f, 8, 7, 3, 5}, 4);
  EXPECT_EQ(LongestResidual(c.lengths()), 8);
  for (const DistanceMeasure measure : {DistanceMeasure::kDotProduct, DistanceMeasure::kCosine}) {
    EXPECT_EQ(c.Scales(measure), (std::vector<int>{0, 127, 64, 32, 16, 1, 127, 111, 48, 79}));
  }
}

// The norm term does not become shorter with the residual.
TEST(CodeScalesTest, OfDistancesAreNoLessThanHalfTheLeafs) {
  const Case c({0, 8, 4, 2, 8, 8, 8, 8}, 4);
  const int least = static_cast<int>(std::nearbyint(127 * std::sqrt(84.0 / 4) / 2 / 8));
  EXPECT_EQ(c.Scales(DistanceMeasure::kSquaredL2),
            (std::vector<int>{least, 127, 64, least, 127, 127, 127, 127}));
}

// A few long ones do not leave the others few scales.
TEST(CodeScalesTest, LongestIsFourMediansAtMost) {
  std::vector<float> lengths(40, 2.0f);
  lengths[7] = 1000;
  lengths[8] = 6;
  const Case c(lengths, 40);
  EXPECT_EQ(LongestResidual(c.lengths()), 8);
  const std::vector<int> scales = c.Scales(DistanceMeasure::kDotProduct);
  EXPECT_EQ(scales[0], 32);
  EXPECT_EQ(scales[7], 127);
  EXPECT_EQ(scales[8], 95);
  // Nor where most residuals are 0.
  std::fill(lengths.begin(), lengths.begin() + 7, 0.0f);
  std::fill(lengths.begin() + 12, lengths.end(), 0.0f);
  EXPECT_EQ(LongestResidual(Case(lengths, 40).lengths()), 8);
}

TEST(CodeScalesTest, OfCandidatesThatAreCentroidsAreZero) {
  for (const DistanceMeasure measure :
       {DistanceMeasure::kDotProduct, DistanceMeasure::kSquaredL2}) {
    EXPECT_EQ(Case({0, 0, 0}, 2).Scales(measure), (std::vector<int>{0, 0, 0}));
    // Most of them are.
    EXPECT_EQ(Case({0, 0, 0, 5}, 3).Scales(measure), (std::vector<int>{0, 0, 0, 127}));
  }
}

}  // namespace
}  // namespace tfscann::testing
