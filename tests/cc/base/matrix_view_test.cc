#include "cc/base/matrix_view.h"

#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

int SumOf(Span<const int> values) {
  int sum = 0;
  for (const int value : values) sum += value;
  return sum;
}

TEST(SpanTest, ViewsVectors) {
  std::vector<int> values = {1, 2, 3};
  const std::vector<int> constant = {4, 5};
  EXPECT_EQ(SumOf(values), 6);
  EXPECT_EQ(SumOf(constant), 9);
  EXPECT_EQ(SumOf({}), 0);
  const Span<int> span(values);
  span[1] = 10;
  EXPECT_EQ(values[1], 10);
  EXPECT_EQ(SumOf(span), 14);
  EXPECT_TRUE(Span<int>().empty());
}

TEST(MatrixViewTest, RowsFollowTheStride) {
  const std::vector<int> values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const MatrixView<const int> matrix(values.data(), 3, 2, 4);
  EXPECT_EQ(matrix.rows(), 3);
  EXPECT_EQ(matrix.cols(), 2);
  EXPECT_EQ(matrix.stride(), 4);
  EXPECT_EQ(matrix.row(0)[1], 1);
  EXPECT_EQ(matrix.row(2)[0], 8);

  const MatrixView<const int> tail = matrix.Rows(1, 2);
  EXPECT_EQ(tail.rows(), 2);
  EXPECT_EQ(tail.row(0)[0], 4);
  EXPECT_EQ(tail.row(1)[1], 9);
  EXPECT_EQ(matrix.Rows(3, 0).rows(), 0);
}

TEST(MatrixViewTest, IsDenseUnlessToldOtherwise) {
  std::vector<int> values(6);
  const MatrixView<int> matrix(values.data(), 2, 3);
  matrix.row(1)[0] = 9;
  EXPECT_EQ(values[3], 9);
  const MatrixView<const int> constant = matrix;
  EXPECT_EQ(constant.row(1)[0], 9);
}

}  // namespace
}  // namespace tfscann::testing
