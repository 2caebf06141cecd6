#include "cc/search/packed_matrix.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {
namespace {

TEST(PackedMatrixTest, MultipliesAndPadsWithMinusInfinity) {
  for (const int64_t count : {1, 15, 16, 17, 40}) {
    const Matrix vectors = IntegerMatrix(count, 5, 1), rows = IntegerMatrix(7, 5, 2);
    const PackedMatrix packed(vectors, /*nearest=*/false);
    EXPECT_EQ(packed.count(), count);
    const int64_t padded = packed.padded_count();
    EXPECT_EQ(padded, (count + 15) / 16 * 16);
    std::vector<float> products(7 * padded);
    packed.Multiply(rows, products.data());
    for (int64_t r = 0; r < 7; ++r) {
      for (int64_t c = 0; c < padded; ++c) {
        float expected = c < count ? 0.0f : -std::numeric_limits<float>::infinity();
        for (int64_t i = 0; i < 5 && c < count; ++i) expected += rows.row(r)[i] * vectors.row(c)[i];
        EXPECT_EQ(products[r * padded + c], expected);
      }
    }
  }
}

// Whole numbers: of equally near vectors the first is meant.
TEST(PackedMatrixTest, FindsTheFirstOfTheNearest) {
  for (const int64_t count : {1, 3, 16, 50}) {
    const Matrix vectors = IntegerMatrix(count, 3, 1), rows = IntegerMatrix(100, 3, 2);
    std::vector<int32_t> nearest(100);
    AlignedBuffer<float> work;
    PackedMatrix(vectors, /*nearest=*/true).Nearest(rows, &work, nearest.data());
    for (int64_t r = 0; r < 100; ++r) {
      int32_t expected = 0;
      for (int32_t c = 1; c < count; ++c) {
        if (SquaredDistance(rows.row(r), vectors.row(c), 3) <
            SquaredDistance(rows.row(r), vectors.row(expected), 3)) {
          expected = c;
        }
      }
      EXPECT_EQ(nearest[r], expected);
    }
  }
}

}  // namespace
}  // namespace tfscann::testing
