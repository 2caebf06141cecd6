#include "cc/build/lengths.h"

#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {
namespace {

// Rows of 3 dimensions along (2, 1, 2) / 3.
Matrix RowsOfLengths(const std::vector<float>& lengths) {
  int64_t i = 0;
  return MakeMatrix(static_cast<int64_t>(lengths.size()), 3, [&] {
    const float length = lengths[i / 3];
    return length * (i++ % 3 == 1 ? 1.0f / 3 : 2.0f / 3);
  });
}

TEST(LengthsTest, AreThoseOfTheRows) {
  const std::vector<double> lengths = SampleLengths(RowsOfLengths({3, 0, 1.5f}));
  ASSERT_EQ(lengths.size(), 3u);
  EXPECT_NEAR(lengths[0], 3, 1e-6);
  EXPECT_EQ(lengths[1], 0);
  EXPECT_NEAR(lengths[2], 1.5, 1e-6);
  EXPECT_NEAR(MeanLength(lengths), 1.5, 1e-6);
}

TEST(LengthsTest, ManyRowsAreSampled) {
  const std::vector<double> lengths = SampleLengths(RowsOfLengths(std::vector<float>(20000, 2.0f)));
  EXPECT_GE(lengths.size(), 4096u);
  EXPECT_LE(lengths.size(), 8192u);
}

TEST(LengthsTest, DifferFromATwentiethOfTheirMean) {
  EXPECT_FALSE(LengthsDiffer({5, 5, 5}));
  EXPECT_FALSE(LengthsDiffer({0, 0}));
  EXPECT_FALSE(LengthsDiffer({96, 104, 96, 104}));
  EXPECT_TRUE(LengthsDiffer({94, 106, 94, 106}));
  EXPECT_TRUE(LengthsDiffer({0, 1}));
}

}  // namespace
}  // namespace tfscann::testing
