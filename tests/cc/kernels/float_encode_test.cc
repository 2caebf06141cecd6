// The float kernels that quantize: quantize_int8, quantize_table and encode_row.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/cc/kernels/targets.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {
namespace {

using FloatEncodeTest = KernelsTest;
TFSCANN_FOR_ALL_TARGETS(FloatEncodeTest);

// Bit for bit, whatever the target.
TEST_P(FloatEncodeTest, Int8ValuesAreTheNearestIntegers) {
  for (const int64_t count : {1, 2, 15, 16, 17, 31, 32, 64, 100, 113}) {
    for (const float size : {1.0f, 1e-30f, 1e30f}) {
      Matrix x = RandomMatrix(1, count, count);
      float largest = 0;
      for (int64_t i = 0; i < count; ++i) {
        x.row(0)[i] *= size;
        largest = std::max(largest, std::fabs(x.row(0)[i]));
      }
      std::vector<int8_t> values(count + 1, 99);
      const float scale = kernels().quantize_int8(x.row(0), count, values.data());
      EXPECT_EQ(scale, largest / 127);
      const float inverse = 1 / scale;
      for (int64_t i = 0; i < count; ++i) {
        EXPECT_EQ(values[i], std::nearbyint(x.row(0)[i] * inverse)) << i << " of " << count;
      }
      EXPECT_EQ(values.back(), 99);
    }
  }
}

// Halves go to the even neighbour; the largest, of either sign, to 127.
TEST_P(FloatEncodeTest, Int8ValuesOfHalves) {
  const float x[] = {127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 126.5f, -127, 0, -126.5f};
  std::vector<int8_t> values(10);
  EXPECT_EQ(kernels().quantize_int8(x, 10, values.data()), 1.0f);
  EXPECT_EQ(values, (std::vector<int8_t>{127, 0, 2, 2, 0, -2, 126, -127, 0, -126}));
}

TEST_P(FloatEncodeTest, Int8ValuesOfWhatCannotBeScaledAreZero) {
  const float denormal = std::numeric_limits<float>::denorm_min();
  for (const float value : {0.0f, -0.0f, denormal, 100 * denormal}) {
    const std::vector<float> x(17, -value);
    std::vector<int8_t> values(17, 1);
    EXPECT_EQ(kernels().quantize_int8(x.data(), 17, values.data()), 0.0f);
    EXPECT_EQ(values, std::vector<int8_t>(17, 0));
  }
}

TEST_P(FloatEncodeTest, TableEntriesAreTheNearestIntegers) {
  for (const int64_t num_blocks : {1, 2, 3, 25}) {
    for (const float scale : {1.0f, 7.0f, 25.0f}) {
      const Matrix values = RandomMatrix(num_blocks, 16, 1);
      std::vector<float> minima(num_blocks), ranges(num_blocks);
      for (int64_t b = 0; b < num_blocks; ++b) {
        minima[b] = *std::min_element(values.row(b), values.row(b) + 16);
        // Some entries would be above that.
        ranges[b] = static_cast<float>(b) * 0.2f;
      }
      std::vector<uint8_t> table(num_blocks * 16 + 1, 99);
      kernels().quantize_table(values.row(0), minima.data(), ranges.data(), scale, num_blocks,
                               table.data());
      for (int64_t i = 0; i < num_blocks * 16; ++i) {
        const double above = (static_cast<double>(values.row(0)[i]) - minima[i / 16]) * scale;
        const double most = static_cast<double>(ranges[i / 16]) * scale;
        EXPECT_NEAR(table[i], std::min(above, most), 0.5 + 1e-3);
      }
      EXPECT_EQ(table.back(), 99);
    }
  }
}

// Overflowing products give infinities and, taken from one another, NaN.
TEST_P(FloatEncodeTest, TableEntriesOfInfinitiesAndNanKeepToTheRange) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> values(16, 1.0f);
  values[1] = infinity;
  values[2] = nan;
  values[3] = 1e30f;
  const float range = 10;
  for (const float minimum : {-infinity, 1.0f, nan}) {
    for (const float scale : {0.0f, 1.0f, 20.0f}) {
      values[0] = minimum;
      std::vector<uint8_t> table(17, 255);
      kernels().quantize_table(values.data(), &minimum, &range, scale, 1, table.data());
      EXPECT_EQ(table[0], 0);
      EXPECT_EQ(table[2], 0);
      for (int i = 0; i < 16; ++i) EXPECT_LE(table[i], range * scale);
      EXPECT_EQ(table.back(), 255);
    }
  }
}

// One row to be encoded. Whole numbers throughout, so that losses are exact and ties are ties.
struct EncodeCase {
  EncodeCase(int64_t blocks, int64_t width_of_block, std::vector<float> weights_of_directions,
             uint64_t seed)
      : num_blocks(blocks),
        width(width_of_block),
        weights(std::move(weights_of_directions)),
        residual(IntegerMatrix(1, blocks * width_of_block, seed, 8)),
        directions(IntegerMatrix(static_cast<int64_t>(weights.size()), blocks * width_of_block,
                                 seed + 1, 2)),
        codebooks(IntegerMatrix(blocks * width_of_block, 16, seed + 2, 8)) {}

  // The loss of encode_row's contract.
  double Loss(const std::vector<uint8_t>& codes) const {
    double loss = 0;
    std::vector<double> along(weights.size());
    for (int64_t dim = 0; dim < num_blocks * width; ++dim) {
      const double error = residual.row(0)[dim] - codebooks.row(dim)[codes[dim / width]];
      loss += error * error;
      for (size_t d = 0; d < weights.size(); ++d) along[d] += error * directions.row(d)[dim];
    }
    for (size_t d = 0; d < weights.size(); ++d) loss += weights[d] * along[d] * along[d];
    return loss;
  }

  // The first best choice for one block, the others staying.
  uint8_t BestCode(std::vector<uint8_t> codes, int64_t block) const {
    uint8_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (uint8_t code = 0; code < 16; ++code) {
      codes[block] = code;
      const double loss = Loss(codes);
      if (loss < least) {
        least = loss;
        best = code;
      }
    }
    return best;
  }

  std::vector<uint8_t> Expected(int64_t max_rounds) const {
    std::vector<uint8_t> codes(num_blocks, 0);
    EncodeCase nearest = *this;
    nearest.weights.clear();
    for (int64_t block = 0; block < num_blocks; ++block) {
      codes[block] = nearest.BestCode(codes, block);
    }
    for (int64_t round = 0; round < max_rounds; ++round) {
      const std::vector<uint8_t> before = codes;
      for (int64_t block = 0; block < num_blocks; ++block) {
        codes[block] = BestCode(codes, block);
      }
      if (codes == before) break;
    }
    return codes;
  }

  std::vector<uint8_t> Encode(const Kernels& kernels, int64_t max_rounds) const {
    const int64_t count = static_cast<int64_t>(weights.size());
    std::vector<float> work(num_blocks * (1 + count) * 16);
    std::vector<uint8_t> codes(num_blocks, 99);
    kernels.encode_row(residual.row(0), {directions.row(0), weights.data(), count},
                       codebooks.row(0), num_blocks, width, max_rounds, work.data(), codes.data());
    return codes;
  }

  int64_t num_blocks;
  int64_t width;
  std::vector<float> weights;
  Matrix residual;
  Matrix directions;
  Matrix codebooks;
};

TEST_P(FloatEncodeTest, RowsAreEncodedByCoordinateDescent) {
  for (const int64_t num_blocks : {1, 2, 3, 8, 13}) {
    for (const int64_t width : {1, 2, 3}) {
      for (const std::vector<float>& weights :
           {std::vector<float>{}, {0}, {1}, {4}, {1, 3}, {4, 0, 2, 1, 16}}) {
        ASSERT_LE(static_cast<int64_t>(weights.size()), kMaxErrorDirections);
        for (const int64_t max_rounds : {0, 1, 10}) {
          const EncodeCase encode(num_blocks, width, weights, num_blocks + width);
          EXPECT_EQ(encode.Encode(kernels(), max_rounds), encode.Expected(max_rounds))
              << num_blocks << " blocks of " << width << ", " << weights.size() << " directions, "
              << max_rounds << " rounds";
        }
      }
    }
  }
}

TEST_P(FloatEncodeTest, DescentLowersTheLoss) {
  double before = 0, after = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const EncodeCase encode(10, 2, {2, 1}, seed);
    before += encode.Loss(encode.Encode(kernels(), 0));
    after += encode.Loss(encode.Encode(kernels(), 10));
  }
  EXPECT_LT(after, 0.9 * before);
}

}  // namespace
}  // namespace tfscann::testing
