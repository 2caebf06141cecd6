// The float kernels that score: dot_rows, squared_l2_rows, dot_gathered, squared_l2_gathered,
// multiply_packed, count_above_packed, block_products, block_maxima.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "cc/base/aligned_buffer.h"
#include "tests/cc/kernels/targets.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {
namespace {

using FloatScoreTest = KernelsTest;
TFSCANN_FOR_ALL_TARGETS(FloatScoreTest);

// Rows padded with zeros to a multiple of 16, as queries are.
std::vector<float> Padded(const Matrix& matrix) {
  const int64_t stride = RoundUp(matrix.cols(), 16);
  std::vector<float> padded(matrix.rows() * stride, 0.0f);
  for (int64_t i = 0; i < matrix.rows(); ++i) {
    std::copy_n(matrix.row(i), matrix.cols(), padded.data() + i * stride);
  }
  return padded;
}

// A float sum in 16 lanes and the true one: each term goes through dims / 16 additions in its lane,
// 4 between lanes, and a few roundings of its own; `magnitude` is the sum of the absolute terms.
void ExpectRounded(float actual, double expected, double magnitude, int64_t dims) {
  EXPECT_NEAR(actual, expected, (dims / 16 + 10) * 0x1p-24 * magnitude) << dims << " dims";
}

void CheckScores(const Kernels& kernels, const Matrix& queries, const Matrix& rows,
                 bool squared_l2) {
  const int64_t dims = rows.cols(), stride = RoundUp(dims, 16), out_stride = rows.rows() + 3;
  const auto score = squared_l2 ? kernels.squared_l2_rows : kernels.dot_rows;
  const std::vector<float> padded = Padded(queries);
  std::vector<float> out(queries.rows() * out_stride, -77.0f);
  score(padded.data(), stride, queries.rows(), rows.row(0), dims, rows.rows(), dims, out.data(),
        out_stride);
  for (int64_t q = 0; q < queries.rows(); ++q) {
    for (int64_t r = 0; r < rows.rows(); ++r) {
      double expected = 0, magnitude = 0;
      for (int64_t i = 0; i < dims; ++i) {
        const double a = queries.row(q)[i], b = rows.row(r)[i];
        const double term = squared_l2 ? (a - b) * (a - b) : a * b;
        expected += term;
        magnitude += std::fabs(term);
      }
      ExpectRounded(out[q * out_stride + r], expected, magnitude, dims);
      float alone;
      score(padded.data() + q * stride, 0, 1, rows.row(r), 0, 1, dims, &alone, 0);
      EXPECT_EQ(out[q * out_stride + r], alone) << "a pair's score depends on its company";
    }
    for (int64_t r = rows.rows(); r < out_stride; ++r) EXPECT_EQ(out[q * out_stride + r], -77.0f);
  }
}

TEST_P(FloatScoreTest, RowsAreScoredWithinRounding) {
  for (int64_t dims = 1; dims <= 130; ++dims) {
    const Matrix queries = RandomMatrix(dims % 8 + 1, dims, dims);
    const Matrix rows = RandomMatrix(dims % 7 + 1, dims, 1000 + dims);
    CheckScores(kernels(), queries, rows, false);
    CheckScores(kernels(), queries, rows, true);
  }
}

// Rows from anywhere, any number of times, have the scores that they have side by side.
TEST_P(FloatScoreTest, GatheredRowsAreScoredAsOthers) {
  for (int64_t dims = 1; dims <= 130; ++dims) {
    const Matrix query = RandomMatrix(1, dims, dims), rows = RandomMatrix(23, dims, 1000 + dims);
    const std::vector<float> padded = Padded(query);
    for (const bool squared_l2 : {false, true}) {
      const auto score = squared_l2 ? kernels().squared_l2_rows : kernels().dot_rows;
      const auto gather = squared_l2 ? kernels().squared_l2_gathered : kernels().dot_gathered;
      std::vector<float> all(23);
      score(padded.data(), 0, 1, rows.row(0), dims, 23, dims, all.data(), 0);
      for (const size_t count : {0, 1, 15, 16, 17, 40}) {
        std::vector<int32_t> chosen(count);
        std::vector<float> expected, actual(count + 1, -77.0f);
        for (size_t i = 0; i < count; ++i) {
          chosen[i] = static_cast<int32_t>(i * 7 % 23);
          expected.push_back(all[chosen[i]]);
        }
        expected.push_back(-77.0f);
        gather(padded.data(), rows.row(0), chosen.data(), static_cast<int64_t>(count), dims,
               actual.data());
        EXPECT_EQ(actual, expected) << count << " rows of " << dims << " dims";
      }
    }
  }
}

// What stands behind the last value of a row of 16 or more has no effect, and is not read: here it
// would be read behind the end of the memory.
TEST_P(FloatScoreTest, NothingIsReadBehindALongRow) {
  for (const int64_t dims : {16, 17, 31, 100}) {
    const std::vector<float> query(RoundUp(dims, 16), 2.0f);
    const std::unique_ptr<float[]> row(new float[dims]);
    std::fill(row.get(), row.get() + dims, 3.0f);
    const int32_t first = 0;
    float score;
    kernels().dot_gathered(query.data(), row.get(), &first, 1, dims, &score);
    EXPECT_EQ(score, static_cast<float>(6 * dims));
    kernels().squared_l2_rows(query.data(), 0, 1, row.get(), 0, 1, dims, &score, 0);
    EXPECT_EQ(score, static_cast<float>(dims));
  }
}

TEST_P(FloatScoreTest, IntegersAreScoredExactly) {
  for (const int64_t dims : {1, 15, 16, 17, 255, 384, 1024}) {
    const Matrix query = IntegerMatrix(1, dims, dims), rows = IntegerMatrix(5, dims, dims + 1);
    const std::vector<float> padded = Padded(query);
    float dots[5], distances[5];
    kernels().dot_rows(padded.data(), 0, 1, rows.row(0), dims, 5, dims, dots, 0);
    kernels().squared_l2_rows(padded.data(), 0, 1, rows.row(0), dims, 5, dims, distances, 0);
    for (int64_t r = 0; r < 5; ++r) {
      float dot = 0, distance = 0;
      for (int64_t i = 0; i < dims; ++i) {
        const float a = query.row(0)[i], b = rows.row(r)[i];
        dot += a * b;
        distance += (a - b) * (a - b);
      }
      EXPECT_EQ(dots[r], dot);
      EXPECT_EQ(distances[r], distance);
    }
  }
}

TEST_P(FloatScoreTest, MultiplyPackedIsAMatrixProduct) {
  for (int64_t dims = 1; dims <= 130; dims += dims < 20 ? 1 : 11) {
    for (int64_t num_rows = 1; num_rows <= 25; num_rows += 3) {
      const int64_t num_columns = 16 * (num_rows % 3 + 1), out_stride = num_columns + 5;
      const Matrix rows = RandomMatrix(num_rows, dims, dims);
      const Matrix columns = RandomMatrix(num_columns, dims, dims + 1);
      const Matrix bias = RandomMatrix(1, num_columns, dims + 2);
      std::vector<float> packed(num_columns * dims);
      for (int64_t c = 0; c < num_columns; ++c) {
        for (int64_t i = 0; i < dims; ++i) {
          packed[(c / 16 * dims + i) * 16 + c % 16] = columns.row(c)[i];
        }
      }
      std::vector<float> out(num_rows * out_stride, -77.0f);
      kernels().multiply_packed(rows.row(0), dims, num_rows, packed.data(), bias.row(0),
                                num_columns, dims, out.data(), out_stride);
      for (int64_t r = 0; r < num_rows; ++r) {
        for (int64_t c = 0; c < num_columns; ++c) {
          double expected = bias.row(0)[c], magnitude = std::fabs(expected);
          for (int64_t i = 0; i < dims; ++i) {
            expected += static_cast<double>(rows.row(r)[i]) * columns.row(c)[i];
            magnitude += std::fabs(static_cast<double>(rows.row(r)[i]) * columns.row(c)[i]);
          }
          // One lane adds up all dimensions.
          ExpectRounded(out[r * out_stride + c], expected, magnitude, 16 * dims);
        }
        for (int64_t c = num_columns; c < out_stride; ++c) {
          EXPECT_EQ(out[r * out_stride + c], -77.0f);
        }
      }
    }
  }
}

// The products that are counted are those that multiply_packed writes: each is its own threshold.
TEST_P(FloatScoreTest, CountAbovePackedCountsTheProducts) {
  for (const int64_t dims : {1, 7, 100}) {
    for (const int64_t num_rows : {0, 1, 12, 41}) {
      const int64_t num_columns = 48;
      const Matrix rows = RandomMatrix(num_rows, dims, dims);
      const std::vector<float> bias(num_columns, 0.0f);
      const Matrix packed = RandomMatrix(dims, num_columns, dims + 1);
      std::vector<float> products(num_rows * num_columns);
      kernels().multiply_packed(rows.row(0), dims, num_rows, packed.row(0), bias.data(),
                                num_columns, dims, products.data(), num_columns);
      for (int64_t chosen = 0; chosen < std::max<int64_t>(num_rows, 1); ++chosen) {
        std::vector<float> thresholds(num_columns, 0.1f);
        std::vector<int32_t> expected(num_columns, 5), counts(num_columns, 5);
        for (int64_t c = 0; c < num_columns; ++c) {
          if (num_rows > 0) thresholds[c] = products[chosen * num_columns + c];
          for (int64_t r = 0; r < num_rows; ++r) {
            expected[c] += products[r * num_columns + c] > thresholds[c];
          }
        }
        kernels().count_above_packed(rows.row(0), dims, num_rows, packed.row(0), thresholds.data(),
                                     num_columns, dims, counts.data());
        EXPECT_EQ(counts, expected);
      }
    }
  }
}

TEST_P(FloatScoreTest, MultiplyPackedKeepsAnInfiniteBias) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> rows = {1, 2}, packed(32, 3.0f), bias(16, -infinity);
  std::vector<float> out(16);
  kernels().multiply_packed(rows.data(), 2, 1, packed.data(), bias.data(), 16, 2, out.data(), 16);
  EXPECT_EQ(out, bias);
}

TEST_P(FloatScoreTest, BlockProductsAreThoseOfEachBlock) {
  for (const int64_t num_blocks : {1, 2, 3, 7, 50}) {
    for (const int64_t width : {1, 2, 3, 5, 16}) {
      const Matrix query = RandomMatrix(1, num_blocks * width, 1);
      const Matrix codebooks = RandomMatrix(num_blocks * width, 16, 2);
      std::vector<float> products(num_blocks * 16);
      kernels().block_products(query.row(0), codebooks.row(0), num_blocks, width, products.data());
      for (int64_t block = 0; block < num_blocks; ++block) {
        for (int centre = 0; centre < 16; ++centre) {
          double expected = 0, magnitude = 0;
          for (int64_t dim = block * width; dim < (block + 1) * width; ++dim) {
            const double term = static_cast<double>(query.row(0)[dim]) * codebooks.row(dim)[centre];
            expected += term;
            magnitude += std::fabs(term);
          }
          ExpectRounded(products[block * 16 + centre], expected, magnitude, 16 * width);
        }
      }
    }
  }
}

TEST_P(FloatScoreTest, BlockRangesAreOfBlocks) {
  for (const int64_t num_blocks : {0, 1, 2, 50}) {
    const Matrix values = RandomMatrix(num_blocks, 16, 3);
    std::vector<float> minima(num_blocks + 1, 7), ranges(minima);
    std::vector<float> expected_minima(minima), expected_ranges(minima);
    for (int64_t b = 0; b < num_blocks; ++b) {
      const auto [smallest, largest] = std::minmax_element(values.row(b), values.row(b) + 16);
      expected_minima[b] = *smallest;
      expected_ranges[b] = *largest - *smallest;
    }
    kernels().block_ranges(values.row(0), num_blocks, minima.data(), ranges.data());
    EXPECT_EQ(minima, expected_minima);
    EXPECT_EQ(ranges, expected_ranges);
  }
}

}  // namespace
}  // namespace tfscann::testing
