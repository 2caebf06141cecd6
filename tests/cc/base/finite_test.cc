#include "cc/base/finite.h"

#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

TEST(ToFiniteFloatTest, OverflowSaturatesAndNanIsZero) {
  const float largest = std::numeric_limits<float>::max();
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(ToFiniteFloat(1.5), 1.5f);
  EXPECT_EQ(ToFiniteFloat(-1e300), -largest);
  EXPECT_EQ(ToFiniteFloat(3.5e38), largest);
  EXPECT_EQ(ToFiniteFloat(infinity), largest);
  EXPECT_EQ(ToFiniteFloat(-infinity), -largest);
  EXPECT_EQ(ToFiniteFloat(std::numeric_limits<double>::quiet_NaN()), 0.0f);
}

}  // namespace
}  // namespace tfscann::testing
