#include "cc/search/int8_rows.h"

#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {
namespace {

TEST(QuantizeInt8Test, ValuesAreWithinHalfAStep) {
  for (const int64_t dims : {1, 2, 3, 17, 100}) {
    const Matrix x = RandomMatrix(1, dims, dims);
    std::vector<int8_t> values(dims + 7, 99);
    const float scale = QuantizeInt8(x.row(0), dims, dims + 7, values.data());
    int largest = 0;
    for (int64_t i = 0; i < dims; ++i) {
      EXPECT_NEAR(values[i] * scale, x.row(0)[i], 0.5001f * scale);
      largest = std::max(largest, std::abs(static_cast<int>(values[i])));
    }
    EXPECT_EQ(largest, 127);
    for (int64_t i = dims; i < dims + 7; ++i) EXPECT_EQ(values[i], 0);
  }
}

TEST(QuantizeInt8Test, WhatCannotBeScaledIsZero) {
  const float denormal = std::numeric_limits<float>::denorm_min();
  for (const float value : {0.0f, denormal, 100 * denormal}) {
    const std::vector<float> x = {value, -value};
    int8_t values[2] = {1, 1};
    EXPECT_EQ(QuantizeInt8(x.data(), 2, 2, values), 0.0f);
  }
  const float largest = 3e38f;
  const std::vector<float> x = {largest, -largest};
  int8_t values[2];
  EXPECT_NEAR(QuantizeInt8(x.data(), 2, 2, values) * values[0] / largest, 1, 1e-6);
  EXPECT_EQ(values[1], -127);
}

TEST(Int8RowsTest, RowsAreAlignedWhereThatIsCheap) {
  EXPECT_EQ(GatheredInt8RowStride(100), 128);
  EXPECT_EQ(GatheredInt8RowStride(300), 320);
  EXPECT_EQ(GatheredInt8RowStride(56), 64);
  EXPECT_EQ(GatheredInt8RowStride(1), 12);
  EXPECT_EQ(GatheredInt8RowStride(96), 104);   // a fifth more
  EXPECT_EQ(GatheredInt8RowStride(128), 136);  // two fifths more
  EXPECT_EQ(GatheredInt8RowStride(384), 392);  // few rows would save a line
}

TEST(Int8RowsTest, RowsComeBackWithScaleAndNorm) {
  for (const int64_t dims : {1, 3, 4, 5, 64, 100, 101}) {
    const int64_t stride = GatheredInt8RowStride(dims);
    const Matrix matrix = RandomMatrix(3, dims, dims);
    std::vector<int8_t> bytes(3 * stride);
    for (int64_t i = 0; i < 3; ++i) {
      Int8Rows::Encode(matrix.row(i), dims, bytes.data() + i * stride);
    }
    const Int8Rows rows(bytes.data(), dims, stride);
    EXPECT_EQ(rows.stride(), stride);
    for (int64_t i = 0; i < 3; ++i) {
      std::vector<float> x(dims);
      rows.Dequantize(i, x.data());
      double squared = 0;
      for (int64_t dim = 0; dim < dims; ++dim) {
        EXPECT_NEAR(x[dim], matrix.row(i)[dim], 0.5001f * rows.scale(i));
        squared += static_cast<double>(x[dim]) * x[dim];
      }
      EXPECT_NEAR(rows.squared_norm(i), squared, 1e-6 * squared);
    }
  }
}

}  // namespace
}  // namespace tfscann::testing
