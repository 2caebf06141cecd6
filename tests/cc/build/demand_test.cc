#include "cc/build/demand.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gtest/gtest.h"
#include "tests/cc/build/context.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/status_matchers.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kRows = 4000;
constexpr int64_t kDims = 6;

// Every twentieth row is twice as long.
Matrix SomeLong() {
  Matrix rows = RandomMatrix(kRows, kDims, 1);
  for (int64_t i = 0; i < kRows; i += 20) {
    for (int64_t dim = 0; dim < kDims; ++dim) rows.row(i)[dim] *= 2;
  }
  return rows;
}

std::vector<float> Measure(const Matrix& rows, int threads = 1, uint64_t seed = 1) {
  TestContext context(threads, seed);
  Result<std::vector<float>> demand = MeasureDemand(rows, context());
  TFSCANN_EXPECT_OK(demand);
  return *demand;
}

TEST(MeasureDemandTest, LongRowsAreWanted) {
  const std::vector<float> demand = Measure(SomeLong());
  ASSERT_EQ(demand.size(), static_cast<size_t>(kRows));
  double sum = 0, of_long = 0;
  for (int64_t i = 0; i < kRows; ++i) {
    EXPECT_GE(demand[i], 0.04f);
    sum += demand[i];
    if (i % 20 == 0) of_long += demand[i];
  }
  EXPECT_NEAR(sum, kRows, 1);
  EXPECT_GT(of_long, 0.5 * sum);
}

// A row is wanted as often as it is the best for a query: one that points where no query does is
// not wanted though it is as long.
TEST(MeasureDemandTest, LengthIsNotAll) {
  Matrix rows = SomeLong();
  for (int64_t i = 0; i < kRows; ++i) rows.row(i)[0] = std::fabs(rows.row(i)[0]) + 3;
  std::fill_n(rows.row(1), kDims, 0.0f);
  rows.row(1)[0] = -12;
  std::fill_n(rows.row(2), kDims, 0.0f);
  rows.row(2)[0] = 12;
  const std::vector<float> demand = Measure(rows);
  EXPECT_LT(demand[1], 0.05f);
  EXPECT_GT(demand[2], 100.0f);
}

TEST(MeasureDemandTest, DependsOnTheSeedAndNotOnThreads) {
  const Matrix rows = SomeLong();
  const std::vector<float> demand = Measure(rows);
  EXPECT_EQ(Measure(rows, 3), demand);
  EXPECT_NE(Measure(rows, 1, 2), demand);
}

TEST(MeasureDemandTest, RowsOfZerosAreAllTheSame) {
  for (const float demand : Measure(MakeMatrix(100, 3, [] { return 0.0f; }))) {
    EXPECT_EQ(demand, 1.0f);
  }
}

TEST(MeasureDemandTest, AnyFiniteRowsHaveFiniteDemand) {
  for (const float value : {3e38f, 1e-38f}) {
    Random random(1, 0, 0);
    const Matrix rows =
        MakeMatrix(300, 4, [&] { return value * static_cast<float>(IntegerIn(&random, -1, 1)); });
    for (const float demand : Measure(rows)) EXPECT_TRUE(demand > 0 && demand < 1e6f);
  }
}

TEST(MeasureDemandTest, StopsWhenCancelled) {
  TestContext context;
  context.Cancel();
  EXPECT_THAT(MeasureDemand(SomeLong(), context()),
              Fails(StatusCode::kCancelled, "the build was cancelled"));
}

}  // namespace
}  // namespace tfscann::testing
