#include "cc/base/status.h"

#include <memory>

#include "gtest/gtest.h"
#include "tests/cc/testing/status_matchers.h"

namespace tfscann::testing {
namespace {

TEST(StatusTest, IsOkUntilGivenACode) {
  EXPECT_TRUE(Status().ok());
  const Status status = InvalidArgument("k is ", 0, ", but must be at least ", 1.5);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "k is 0, but must be at least 1.5");
  EXPECT_EQ(DataLoss("x").code(), StatusCode::kDataLoss);
}

Result<std::unique_ptr<int>> Half(int x) {
  if (x % 2 != 0) return InvalidArgument(x, " is odd");
  return std::make_unique<int>(x / 2);
}

Status Quarter(int x, int* quarter) {
  TFSCANN_ASSIGN_OR_RETURN(const std::unique_ptr<int> half, Half(x));
  TFSCANN_ASSIGN_OR_RETURN(const std::unique_ptr<int> half_of_half, Half(*half));
  *quarter = *half_of_half;
  return Status();
}

Status QuarterIsOne(int x) {
  int quarter = 0;
  TFSCANN_RETURN_IF_ERROR(Quarter(x, &quarter));
  return quarter == 1 ? Status() : DataLoss("not one");
}

TEST(ResultTest, HoldsAValueOrAStatus) {
  const Result<std::unique_ptr<int>> half = Half(6);
  TFSCANN_ASSERT_OK(half);
  EXPECT_EQ(**half, 3);
  EXPECT_THAT(Half(5), Fails(StatusCode::kInvalidArgument, "5 is odd"));
}

TEST(StatusMacrosTest, ReturnTheFirstError) {
  TFSCANN_EXPECT_OK(QuarterIsOne(4));
  EXPECT_THAT(QuarterIsOne(3), Fails(StatusCode::kInvalidArgument, "3 is odd"));
  EXPECT_THAT(QuarterIsOne(6), Fails(StatusCode::kInvalidArgument, "3 is odd"));
  EXPECT_THAT(QuarterIsOne(8), Fails(StatusCode::kDataLoss, "not one"));
}

}  // namespace
}  // namespace tfscann::testing
