#include "cc/build/soar.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/cc/build/context.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/status_matchers.h"

namespace tfscann::testing {
namespace {

std::vector<int32_t> Assign(const Matrix& rows, const Matrix& centroids,
                            const std::vector<int32_t>& first, double lambda, int threads = 1) {
  TestContext context(threads);
  std::vector<int32_t> second;
  TFSCANN_EXPECT_OK(AssignSoar(rows, centroids, first, lambda, context(), &second));
  return second;
}

// |r'|^2 + lambda (r'.r / |r|)^2, by definition.
double Loss(const float* x, const float* first, const float* second, int64_t dims, double lambda) {
  double r_squared = 0, dot = 0;
  for (int64_t i = 0; i < dims; ++i) {
    const double r = static_cast<double>(x[i]) - first[i];
    r_squared += r * r;
    dot += r * (static_cast<double>(x[i]) - second[i]);
  }
  const double along = r_squared > 0 ? dot * dot / r_squared : 0;
  return SquaredDistance(x, second, dims) + lambda * along;
}

// Every other leaf's loss for one row.
double LeastLoss(const Matrix& centroids, const float* x, int32_t first, double lambda) {
  double least = std::numeric_limits<double>::infinity();
  for (int32_t c = 0; c < centroids.rows(); ++c) {
    if (c == first) continue;
    least =
        std::min(least, Loss(x, centroids.row(first), centroids.row(c), centroids.cols(), lambda));
  }
  return least;
}

TEST(AssignSoarTest, ChoosesTheLeastLossOfAllOtherLeaves) {
  for (const int64_t dims : {1, 2, 8, 33}) {
    for (const int64_t num_leaves : {2, 3, 17, 60}) {
      const Matrix rows = RandomMatrix(400, dims, 1), centroids = RandomMatrix(num_leaves, dims, 2);
      TestContext context;
      std::vector<int32_t> first(400);
      Random random(1, 0, 0);
      // Not only the nearest leaf: the rule is the same for any.
      for (int32_t& leaf : first) leaf = static_cast<int32_t>(random.Below(num_leaves));
      for (const double lambda : {0.0, 1.0, 1.5}) {
        const std::vector<int32_t> second = Assign(rows, centroids, first, lambda);
        for (int64_t i = 0; i < 400; ++i) {
          ASSERT_NE(second[i], first[i]);
          const double loss =
              Loss(rows.row(i), centroids.row(first[i]), centroids.row(second[i]), dims, lambda);
          // Losses are computed in float, up to |x|^2 apart from these.
          ASSERT_NEAR(loss, LeastLoss(centroids, rows.row(i), first[i], lambda),
                      1e-5 * static_cast<double>(dims))
              << dims << " dims, " << num_leaves << " leaves, lambda " << lambda;
        }
      }
    }
  }
}

TEST(AssignSoarTest, LambdaTurnsTheChoiceToARightAngle) {
  // The row's first leaf lies to its left; the nearest other one further left, one somewhat further
  // off above it.
  Matrix row(1, 2), centroids(3, 2);
  std::fill_n(row.row(0), 2, 0.0f);
  const float places[3][2] = {{-1, 0}, {-1.2f, 0}, {0, 1.5f}};
  for (int c = 0; c < 3; ++c) std::copy_n(places[c], 2, centroids.row(c));
  EXPECT_EQ(Assign(row, centroids, {0}, 0.0), std::vector<int32_t>{1});
  EXPECT_EQ(Assign(row, centroids, {0}, 1.0), std::vector<int32_t>{2});
}

TEST(AssignSoarTest, ARowThatIsItsCentroidGetsTheNextNearest) {
  const Matrix centroids = IntegerMatrix(20, 4, 1, 100);
  std::vector<int32_t> first;
  for (int32_t c = 0; c < 20; ++c) first.push_back(c);
  const std::vector<int32_t> second = Assign(centroids, centroids, first, 1.0);
  for (int32_t c = 0; c < 20; ++c) {
    EXPECT_EQ(SquaredDistance(centroids.row(c), centroids.row(second[c]), 4),
              LeastLoss(centroids, centroids.row(c), c, 0));
  }
}

TEST(AssignSoarTest, DoesNotDependOnThreads) {
  const Matrix rows = RandomMatrix(2000, 5, 1), centroids = RandomMatrix(30, 5, 2);
  const std::vector<int32_t> first(2000, 7);
  EXPECT_EQ(Assign(rows, centroids, first, 1.0, 4), Assign(rows, centroids, first, 1.0));
}

TEST(AssignSoarTest, StopsWhenCancelled) {
  TestContext context;
  context.Cancel();
  std::vector<int32_t> second;
  EXPECT_THAT(AssignSoar(RandomMatrix(10, 2, 1), RandomMatrix(3, 2, 2), std::vector<int32_t>(10, 0),
                         1.0, context(), &second),
              Fails(StatusCode::kCancelled, "the build was cancelled"));
}

}  // namespace
}  // namespace tfscann::testing
