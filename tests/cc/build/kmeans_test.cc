#include "cc/build/kmeans.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "gtest/gtest.h"
#include "tests/cc/build/context.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/status_matchers.h"

namespace tfscann::testing {
namespace {

std::vector<int32_t> NaiveNearest(MatrixView<const float> rows, MatrixView<const float> centroids) {
  std::vector<int32_t> nearest(rows.rows(), 0);
  for (int64_t i = 0; i < rows.rows(); ++i) {
    double least = std::numeric_limits<double>::infinity();
    for (int64_t c = 0; c < centroids.rows(); ++c) {
      const double distance = SquaredDistance(rows.row(i), centroids.row(c), rows.cols());
      if (distance < least) nearest[i] = static_cast<int32_t>(c);
      least = std::min(least, distance);
    }
  }
  return nearest;
}

std::vector<float> Train(const Matrix& rows, int64_t num_centroids, int64_t iterations,
                         int threads = 1, uint64_t seed = 1) {
  TestContext context(threads, seed);
  Result<std::vector<float>> centroids = KMeans(rows, num_centroids, iterations, context());
  TFSCANN_EXPECT_OK(centroids);
  return *centroids;
}

MatrixView<const float> View(const std::vector<float>& centroids, int64_t dims) {
  return {centroids.data(), static_cast<int64_t>(centroids.size()) / dims, dims};
}

double MeanDistance(const Matrix& rows, MatrixView<const float> centroids) {
  const std::vector<int32_t> nearest = NaiveNearest(rows, centroids);
  double sum = 0;
  for (int64_t i = 0; i < rows.rows(); ++i) {
    sum += SquaredDistance(rows.row(i), centroids.row(nearest[i]), rows.cols());
  }
  return sum / static_cast<double>(rows.rows());
}

// |r|^2 + extra_weight (r.y / |y|)^2, r = x - c, y = x - origin.
double Loss(const float* x, const float* centroid, int64_t dims, const PartitionLoss& loss) {
  double squared = 0, along = 0, length = 0;
  for (int64_t dim = 0; dim < dims; ++dim) {
    const double r = static_cast<double>(x[dim]) - centroid[dim];
    const double y = static_cast<double>(x[dim]) - loss.origin[dim];
    squared += r * r;
    along += r * y;
    length += y * y;
  }
  return squared + (length > 0 ? loss.extra_weight * along * along / length : 0);
}

// These extra weights, with the origin at zero and elsewhere.
std::vector<PartitionLoss> Losses(const std::vector<double>& weights, int64_t dims) {
  std::vector<PartitionLoss> losses;
  for (const double weight : weights) {
    losses.push_back({weight, std::vector<float>(dims, 0.0f)});
    losses.push_back({weight, std::vector<float>(dims, 1.5f)});
  }
  return losses;
}

double LossOfAll(MatrixView<const float> rows, const std::vector<int32_t>& assignment,
                 MatrixView<const float> centroids, const PartitionLoss& loss,
                 const std::vector<float>& weights) {
  double sum = 0;
  for (int64_t i = 0; i < rows.rows(); ++i) {
    sum += (weights.empty() ? 1 : weights[i]) *
           Loss(rows.row(i), centroids.row(assignment[i]), rows.cols(), loss);
  }
  return sum;
}

TEST(AssignToCentroidsTest, HasTheLeastLoss) {
  Matrix rows = RandomMatrix(700, 5, 1);
  std::fill_n(rows.row(13), 5, 0.0f);
  std::fill_n(rows.row(14), 5, 1.5f);
  const Matrix centroids = RandomMatrix(37, 5, 2);
  for (const PartitionLoss& loss : Losses({0.3, 1.0}, 5)) {
    TestContext context(2);
    std::vector<int32_t> assignment;
    TFSCANN_ASSERT_OK(AssignToCentroids(rows, centroids, loss, "", context(), &assignment));
    int differently = 0;
    for (int64_t i = 0; i < 700; ++i) {
      double least = std::numeric_limits<double>::infinity();
      for (int64_t c = 0; c < 37; ++c) {
        least = std::min(least, Loss(rows.row(i), centroids.view().row(c), 5, loss));
      }
      EXPECT_NEAR(Loss(rows.row(i), centroids.view().row(assignment[i]), 5, loss), least, 1e-5);
    }
    const std::vector<int32_t> nearest = NaiveNearest(rows, centroids);
    for (int64_t i = 0; i < 700; ++i) differently += assignment[i] != nearest[i];
    EXPECT_GT(differently, 20);
  }
}

TEST(MoveCentroidsTest, EndsWhereNoStepGainsAnything) {
  const Matrix rows = RandomMatrix(300, 6, 3);
  std::vector<float> some(300);
  for (int64_t i = 0; i < 300; ++i) some[i] = i % 7 == 0 ? 5.0f : 0.05f;
  for (const PartitionLoss& loss : Losses({0.0, 0.3, 1.0}, 6)) {
    for (const std::vector<float>& weights : {std::vector<float>(), some}) {
      Matrix centroids = RandomMatrix(4, 6, 4);
      TestContext context(3);
      std::vector<int32_t> assignment;
      TFSCANN_ASSERT_OK(AssignToCentroids(rows, centroids, loss, "", context(), &assignment));
      TFSCANN_ASSERT_OK(MoveCentroids(rows, loss, weights, context(), {centroids.row(0), 4, 6}));
      const double reached = LossOfAll(rows, assignment, centroids, loss, weights);
      for (int64_t i = 0; i < 24; ++i) {
        for (const float step : {-0.01f, 0.01f}) {
          Matrix moved = centroids;
          moved.row(0)[i] += step;
          EXPECT_GT(LossOfAll(rows, assignment, moved, loss, weights), reached)
              << loss.extra_weight << " " << i;
        }
      }
    }
  }
}

TEST(MoveCentroidsTest, CentroidsWithoutRowsAndOverflowingOnesStay) {
  Matrix rows = RandomMatrix(50, 3, 3);
  Matrix centroids = RandomMatrix(2, 3, 4);
  std::fill_n(centroids.row(1), 3, 100.0f);
  const Matrix before = centroids;
  TestContext context(1);
  TFSCANN_ASSERT_OK(MoveCentroids(rows, {0.3, {0, 0, 0}}, {}, context(), {centroids.row(0), 2, 3}));
  EXPECT_NE(centroids.row(0)[0], before.view().row(0)[0]);
  EXPECT_EQ(centroids.row(1)[0], before.view().row(1)[0]);

  std::fill_n(rows.row(0), 150, 3e38f);
  TFSCANN_ASSERT_OK(MoveCentroids(rows, {0.3, {0, 0, 0}}, {}, context(), {centroids.row(0), 2, 3}));
  for (int64_t i = 0; i < 6; ++i) EXPECT_TRUE(std::isfinite(centroids.row(0)[i]));
}

TEST(MoveCentroidsTest, ThreadsChangeNothing) {
  const Matrix rows = RandomMatrix(3000, 7, 3);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 3}) {
    std::vector<float> centroids = Train(rows, 40, 2);
    TestContext context(threads);
    TFSCANN_ASSERT_OK(
        MoveCentroids(rows, Losses({0.3}, 7)[1], {}, context(), {centroids.data(), 40, 7}));
    results.push_back(std::move(centroids));
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(AssignToCentroidsTest, WithoutExtraWeightItIsTheNearest) {
  for (const int threads : {1, 3}) {
    TestContext context(threads);
    const Matrix rows = IntegerMatrix(3000, 4, 1), centroids = IntegerMatrix(37, 4, 2);
    std::vector<int32_t> nearest;
    TFSCANN_ASSERT_OK(AssignToCentroids(rows, centroids, {}, "", context(), &nearest));
    EXPECT_EQ(nearest, NaiveNearest(rows, centroids));
  }
}

TEST(KMeansTest, EndsWhereEveryCentroidIsTheMeanOfItsRows) {
  const Matrix rows = ClusteredMatrix(1000, 3, 20, 1);
  const std::vector<float> centroids = Train(rows, 20, 100);
  const std::vector<int32_t> nearest = NaiveNearest(rows, View(centroids, 3));
  for (int32_t c = 0; c < 20; ++c) {
    double sum[3] = {}, size = 0;
    for (int64_t i = 0; i < 1000; ++i) {
      if (nearest[i] != c) continue;
      ++size;
      for (int64_t dim = 0; dim < 3; ++dim) sum[dim] += rows.row(i)[dim];
    }
    ASSERT_GT(size, 0);
    for (int64_t dim = 0; dim < 3; ++dim) {
      EXPECT_NEAR(centroids[c * 3 + dim], sum[dim] / size, 1e-5);
    }
  }
}

TEST(KMeansTest, IterationsBringTheRowsNearer) {
  const Matrix rows = RandomMatrix(2000, 4, 1);
  double before = MeanDistance(rows, View(Train(rows, 30, 0), 4));
  for (const int64_t iterations : {1, 2, 5, 12}) {
    const double after = MeanDistance(rows, View(Train(rows, 30, iterations), 4));
    EXPECT_LT(after, before);
    before = after;
  }
}

TEST(KMeansTest, AsManyCentroidsAsRowsAreTheRows) {
  const Matrix rows = RandomMatrix(40, 3, 1);
  const std::vector<float> centroids = Train(rows, 40, 3);
  std::set<std::vector<float>> expected, found;
  for (int64_t i = 0; i < 40; ++i) {
    expected.insert({rows.row(i), rows.row(i) + 3});
    found.insert({centroids.begin() + 3 * i, centroids.begin() + 3 * i + 3});
  }
  EXPECT_EQ(found, expected);
}

// Equal rows leave centroids without any, over and over.
TEST(KMeansTest, FewDifferentRowsAreEnough) {
  Random random(1, 0, 0);
  const Matrix rows = MakeMatrix(500, 2, [&] { return IntegerIn(&random, 0, 1); });
  for (const int64_t num_centroids : {1, 4, 100, 500}) {
    const std::vector<float> centroids = Train(rows, num_centroids, 10);
    if (num_centroids >= 4) {
      EXPECT_LT(MeanDistance(rows, View(centroids, 2)), 1e-9) << num_centroids;
    }
    for (const float value : centroids) EXPECT_TRUE(value >= 0 && value <= 1);
  }
}

TEST(KMeansTest, DependsOnTheSeedAndNotOnThreads) {
  const Matrix rows = RandomMatrix(3000, 5, 1);
  const std::vector<float> centroids = Train(rows, 50, 4);
  EXPECT_EQ(Train(rows, 50, 4, 2), centroids);
  EXPECT_EQ(Train(rows, 50, 4, 5), centroids);
  EXPECT_NE(Train(rows, 50, 4, 1, 2), centroids);
}

TEST(KMeansTest, StopsWhenCancelled) {
  TestContext context;
  context.Cancel();
  EXPECT_THAT(KMeans(RandomMatrix(100, 2, 1), 5, 3, context()),
              Fails(StatusCode::kCancelled, "the build was cancelled"));
}

}  // namespace
}  // namespace tfscann::testing
