#include "cc/build/query_directions.h"

#include <cmath>
#include <limits>
#include <vector>

#include "cc/search/options.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kDims = 64;

// Rows of different lengths that have 6 times as much of a first direction as of most dimensions,
// 3 times as much of a second, and lie in random directions else.
struct Case {
  explicit Case(float length = 1) : rows(RandomMatrix(4000, kDims, 1)) {
    for (int64_t dim = 0; dim < kDims; ++dim) {
      first.push_back(dim < 32 ? 0.125 : -0.125);
      second.push_back(dim % 2 == 0 ? 0.125 : -0.125);
    }
    for (int64_t i = 0; i < rows.rows(); ++i) {
      const double along_first = Along(i, first), along_second = Along(i, second);
      const float scale = length * static_cast<float>(1 + i % 5);
      for (int64_t dim = 0; dim < kDims; ++dim) {
        rows.row(i)[dim] += static_cast<float>(5 * along_first * first[dim]);
        rows.row(i)[dim] += static_cast<float>(2 * along_second * second[dim]);
        rows.row(i)[dim] *= scale;
      }
    }
  }

  double Along(int64_t row, const std::vector<double>& direction) const {
    double sum = 0;
    for (int64_t dim = 0; dim < kDims; ++dim) sum += rows.row(row)[dim] * direction[dim];
    return sum;
  }

  Matrix rows;
  std::vector<double> first, second;
};

double Dot(const float* a, const double* b) {
  double sum = 0;
  for (int64_t dim = 0; dim < kDims; ++dim) sum += a[dim] * b[dim];
  return sum;
}

void ExpectOrthonormal(const QueryDirections& directions, int64_t dims) {
  ASSERT_EQ(static_cast<int64_t>(directions.vectors.size()), directions.count() * dims);
  for (int64_t i = 0; i < directions.count(); ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      double product = 0;
      for (int64_t dim = 0; dim < dims; ++dim) {
        product += static_cast<double>(directions.vectors[i * dims + dim]) *
                   directions.vectors[j * dims + dim];
      }
      EXPECT_NEAR(product, i == j ? 1 : 0, 1e-5) << i << ", " << j;
    }
  }
}

TEST(QueryDirectionsTest, AreThePrincipalOnesAtAnyLengthOfRows) {
  for (const float length : {1.0f, 1e-30f, 1e30f}) {
    const Case c(length);
    const QueryDirections found = FindQueryDirections(c.rows, 1);
    ASSERT_GE(found.count(), 2);
    ExpectOrthonormal(found, kDims);
    EXPECT_GT(std::abs(Dot(found.vectors.data(), c.first.data())), 0.98);
    EXPECT_GT(std::abs(Dot(found.vectors.data() + kDims, c.second.data())), 0.98);
    // Less than 35 and 8: of a row at a length of 1 the less remains, the more it has of these.
    EXPECT_GT(found.weights[0], 15);
    EXPECT_LT(found.weights[0], 35);
    EXPECT_GT(found.weights[1], 5);
    EXPECT_LT(found.weights[1], 10);
  }
}

TEST(QueryDirectionsTest, NoiseHasHardlyAnyWeight) {
  for (const int64_t dims : {64, 1024}) {
    const QueryDirections found = FindQueryDirections(RandomMatrix(500, dims, 1), 1);
    ExpectOrthonormal(found, dims);
    for (const float weight : found.weights) {
      EXPECT_GT(weight, 0);
      EXPECT_LT(weight, 0.4) << dims;
    }
  }
}

TEST(QueryDirectionsTest, MayBeOfMostDimensions) {
  Matrix rows = RandomMatrix(300, kMaxDimensions, 1);
  for (int64_t i = 0; i < rows.rows(); ++i) {
    for (int64_t dim = 0; dim < rows.cols(); ++dim) rows.row(i)[dim] += 0.5f;
  }
  const QueryDirections found = FindQueryDirections(rows, 1);
  ASSERT_GE(found.count(), 1);
  EXPECT_EQ(found.weights[0], 100);
  EXPECT_NEAR(std::abs(found.vectors[77]), 1 / std::sqrt(double{kMaxDimensions}), 1e-3);
}

TEST(QueryDirectionsTest, DependOnTheSeedAlone) {
  const Case c;
  const QueryDirections found = FindQueryDirections(c.rows, 1),
                        again = FindQueryDirections(c.rows, 1);
  EXPECT_EQ(found.vectors, again.vectors);
  EXPECT_EQ(found.weights, again.weights);
  EXPECT_NE(found.vectors, FindQueryDirections(c.rows, 2).vectors);
}

TEST(QueryDirectionsTest, FewerForFewDimensionsAndNoneForNone) {
  EXPECT_EQ(FindQueryDirections(RandomMatrix(100, 15, 1), 1).count(), 0);
  const Matrix few = MakeMatrix(100, 47, [] { return 1; });
  EXPECT_EQ(FindQueryDirections(few, 1).count(), 1);
  EXPECT_LE(FindQueryDirections(RandomMatrix(4000, 47, 1), 1).count(), 2);
  EXPECT_EQ(FindQueryDirections(RandomMatrix(1, kDims, 1), 1).count(), 0);
  EXPECT_EQ(FindQueryDirections(MakeMatrix(100, kDims, [] { return 0; }), 1).count(), 0);
}

TEST(QueryDirectionsTest, RowsOfOneDirectionHaveOneOfABoundedWeight) {
  Matrix rows = MakeMatrix(50, kDims, [] { return 0; });
  for (int64_t i = 1; i < rows.rows(); ++i) rows.row(i)[7] = i % 2 == 0 ? -2.0f : 1.0f;
  const QueryDirections found = FindQueryDirections(rows, 1);
  ASSERT_EQ(found.count(), 1);
  EXPECT_NEAR(std::abs(found.vectors[7]), 1, 1e-6);
  EXPECT_EQ(found.weights[0], 100);
}

TEST(QueryDirectionsTest, AreFiniteForTheLargestRows) {
  const float largest = std::numeric_limits<float>::max();
  int64_t i = 0;
  const Matrix rows = MakeMatrix(40, kDims, [&] { return ++i % 3 == 0 ? largest : -largest; });
  const QueryDirections found = FindQueryDirections(rows, 1);
  ASSERT_GE(found.count(), 1);
  ExpectOrthonormal(found, kDims);
  for (const float weight : found.weights) EXPECT_TRUE(weight >= 0 && weight <= 100) << weight;
}

}  // namespace
}  // namespace tfscann::testing
