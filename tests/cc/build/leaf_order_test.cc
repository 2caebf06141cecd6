#include "cc/build/leaf_order.h"

#include <algorithm>
#include <limits>
#include <set>

#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {
namespace {

void ExpectPermutation(const std::vector<int32_t>& order, int64_t size) {
  std::vector<int32_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  ASSERT_EQ(static_cast<int64_t>(sorted.size()), size);
  for (int64_t i = 0; i < size; ++i) ASSERT_EQ(sorted[i], i);
}

// Clouds of 8 centroids, far from each other, in any order: each becomes a group.
TEST(LeafOrderTest, GroupsAreNeighbours) {
  constexpr int64_t kClouds = 13, kGroup = 8, kDims = 5;
  const Matrix clouds = RandomMatrix(kClouds, kDims, 1);
  const Matrix noise = RandomMatrix(kClouds * kGroup, kDims, 2);
  Matrix centroids(kClouds * kGroup, kDims);
  for (int64_t i = 0; i < centroids.rows(); ++i) {
    for (int64_t dim = 0; dim < kDims; ++dim) {
      centroids.row(i)[dim] = 100 * clouds.row(i % kClouds)[dim] + 0.1f * noise.row(i)[dim];
    }
  }
  const std::vector<int32_t> order = OrderByNearness(centroids, kGroup);
  ExpectPermutation(order, centroids.rows());
  for (int64_t begin = 0; begin < centroids.rows(); begin += kGroup) {
    std::set<int64_t> found;
    for (int64_t i = begin; i < begin + kGroup; ++i) found.insert(order[i] % kClouds);
    EXPECT_EQ(found.size(), 1u) << "group at " << begin;
  }
}

TEST(LeafOrderTest, OrdersAnyNumberOfThem) {
  for (int64_t size = 1; size <= 70; ++size) {
    const Matrix centroids = RandomMatrix(size, 3, static_cast<uint64_t>(size));
    ExpectPermutation(OrderByNearness(centroids, 16), size);
  }
}

TEST(LeafOrderTest, EqualHugeAndInfiniteCentroidsHaveAnOrder) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float value : {0.0f, 1.0f, 3e38f, infinity, -infinity}) {
    Matrix centroids = RandomMatrix(100, 4, 1);
    std::fill_n(centroids.row(0), 200, value);
    ExpectPermutation(OrderByNearness(centroids, 16), 100);
    std::fill_n(centroids.row(0), 400, value);
    ExpectPermutation(OrderByNearness(centroids, 16), 100);
  }
}

}  // namespace
}  // namespace tfscann::testing
