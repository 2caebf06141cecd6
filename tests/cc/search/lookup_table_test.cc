#include "cc/search/lookup_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cc/base/aligned_buffer.h"
#include "cc/base/random.h"
#include "cc/kernels/kernels.h"
#include "cc/search/partitioner.h"
#include "cc/search/query.h"
#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/search.h"

namespace tfscann::testing {
namespace {

// The largest entries that blocks get: those of their largest terms.
std::vector<int64_t> LargestEntries(const std::vector<float>& ranges, float scale) {
  std::vector<int64_t> entries;
  for (const float range : ranges) {
    std::vector<float> values(16, 0.0f);
    values[7] = range;
    const float minimum = 0;
    uint8_t table[16];
    ActiveKernels().quantize_table(values.data(), &minimum, &range, scale, 1, table);
    entries.push_back(table[7]);
  }
  return entries;
}

// The largest byte that kernels have to add up in.
int64_t LargestByte(const std::vector<int64_t>& entries) {
  const auto num_blocks = static_cast<int64_t>(entries.size());
  int64_t largest = 0;
  for (const int64_t step : kLut16BlocksPerStep) {
    const int64_t run = step * Lut16StepsPerRun(CeilDiv(num_blocks, step));
    std::vector<int64_t> bytes(CeilDiv(num_blocks, run) * step);
    for (int64_t block = 0; block < num_blocks; ++block) {
      int64_t& byte = bytes[block / run * step + block % run % step];
      byte += entries[block];
      largest = std::max(largest, byte);
    }
  }
  return largest;
}

float Scale(std::vector<float> ranges, float allowance = 0) {
  const auto num_blocks = static_cast<int64_t>(ranges.size());
  ranges.resize(RoundUp(num_blocks, 4));
  return TableScale(ranges.data(), num_blocks, allowance);
}

std::vector<int64_t> NumbersOfBlocks() {
  std::vector<int64_t> numbers = {257, 1000, 1057, 4093, 4094, 4095, 4096};
  for (int64_t number = 1; number < 140; ++number) numbers.push_back(number);
  return numbers;
}

// Of these blocks neither a byte nor the sum may overflow, and one of them must be nearly full.
void CheckScale(const std::vector<float>& ranges, float allowance = 0) {
  const float scale = Scale(ranges, allowance);
  const std::vector<int64_t> entries = LargestEntries(ranges, scale);
  int64_t sum = std::llround(allowance * scale);
  for (const int64_t entry : entries) sum += entry;
  const int64_t byte = LargestByte(entries);
  ASSERT_LE(byte, kLut16MaxByteSum) << ranges.size() << " blocks";
  ASSERT_LE(sum, kLut16MaxSum) << ranges.size() << " blocks";
  EXPECT_TRUE(byte >= 230 || sum >= 29000)
      << ranges.size() << " blocks, byte " << byte << ", sum " << sum;
}

TEST(TableScaleTest, EqualBlocksFillBytes) {
  for (const int64_t num_blocks : NumbersOfBlocks()) {
    for (const float range : {1.0f, 1e-20f, 1e33f}) {
      // Entries are whole: 15.375 become 15, for instance.
      const std::vector<float> ranges(num_blocks, range);
      const std::vector<int64_t> entries = LargestEntries(ranges, Scale(ranges));
      EXPECT_LE(LargestByte(entries), kLut16MaxByteSum);
      EXPECT_LE(num_blocks * entries[0], kLut16MaxSum);
      EXPECT_GE(entries[0], num_blocks > 2000 ? 7 : 15) << num_blocks << " blocks";
    }
  }
}

TEST(TableScaleTest, UnequalBlocksFillBytes) {
  Random random(1, 0, 0);
  for (const int64_t num_blocks : NumbersOfBlocks()) {
    for (const double spread : {0.1, 1.0, 4.0, 15.0}) {
      std::vector<float> ranges(num_blocks);
      for (float& range : ranges) {
        const double uniform = static_cast<double>(random.Below(1 << 20)) / (1 << 20);
        range = static_cast<float>(std::exp(spread * (uniform - 0.5)));
      }
      // Many blocks that are all the same to an entry or two round all down, or all up.
      if (num_blocks < 200 || spread > 0.1) CheckScale(ranges);
    }
  }
}

// The others' entries are what such a block leaves room for.
TEST(TableScaleTest, OneWideBlockGetsAFullByte) {
  for (const int64_t num_blocks : NumbersOfBlocks()) {
    for (const int64_t wide : {int64_t{0}, num_blocks / 2, num_blocks - 1}) {
      std::vector<float> ranges(num_blocks, 1.0f);
      ranges[wide] = 1e6f;
      CheckScale(ranges);
      EXPECT_GE(LargestEntries(ranges, Scale(ranges))[wide], 230);
    }
  }
}

TEST(TableScaleTest, SumsHaveRoomForTheAllowance) {
  for (const int64_t num_blocks : NumbersOfBlocks()) {
    if (num_blocks > 2000) continue;  // all would be rounded down by half an entry
    for (const float allowance : {1.0f, 100.0f, 1e6f}) {
      CheckScale(std::vector<float>(num_blocks, 1.0f), allowance);
    }
  }
}

TEST(TableScaleTest, WithoutRangesAnyScaleWillDo) {
  EXPECT_GT(Scale({0, 0, 0}), 0);
  EXPECT_LE(Scale({0, 1e-42f, 0}), 1e30f);
}

TEST(TableScaleTest, InfiniteRangesLeaveNoResolution) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Scale({1, kInfinity, 1}), 0);
  EXPECT_EQ(Scale({1, std::numeric_limits<float>::quiet_NaN(), kInfinity, 1, 1}), 0);
  EXPECT_EQ(Scale({3e38f, 3e38f}), 0);
  EXPECT_EQ(Scale({1, 1}, kInfinity), 0);
}

// What the integers stand for, of every candidate of the chosen leaves.
class LookupTableTest : public ::testing::TestWithParam<DistanceMeasure> {};

INSTANTIATE_TEST_SUITE_P(Measures, LookupTableTest,
                         ::testing::Values(DistanceMeasure::kDotProduct,
                                           DistanceMeasure::kSquaredL2));

TEST_P(LookupTableTest, ScoresAreThoseOfScaledCodesAndTheAllowance) {
  constexpr int64_t kDims = 20;
  Matrix rows = RandomMatrix(600, kDims, 1);
  for (int64_t row = 0; row < rows.rows(); ++row) {
    for (int64_t dim = 0; dim < kDims; ++dim) {
      rows.row(row)[dim] *= 0.2f + static_cast<float>(row % 9);
    }
  }
  const IndexFile file = BuildIndex(rows, TreeConfig(GetParam(), 12));
  const IndexParts& parts = file.index->parts();
  const int64_t num_blocks = parts.parameters.num_code_blocks();
  const bool squared_l2 = GetParam() == DistanceMeasure::kSquaredL2;
  const float multiplier = squared_l2 ? 2 : 1;
  SearchScratch scratch;
  QueryState state;
  PrepareQuery(parts, RandomMatrix(1, kDims, 2).row(0), &state.query);
  Partitioner(parts).ChooseLeaves(12, 12, &state, &scratch);
  MakeLookupTable(parts, 10, &state, &scratch);
  const LookupTable& table = state.lookup_table;
  EXPECT_LT(table.sum_offset, 0);
  const double allowance = multiplier * 0.4 * state.query.norm / std::sqrt(double{kDims});
  EXPECT_NEAR(table.allowance, allowance, 1e-5 * allowance);
  const float* const q = squared_l2 ? state.query.centered.data() : state.query.values.data();
  int64_t checked = 0;
  for (const ChosenLeaf& leaf : Span<const ChosenLeaf>(state.chosen_leaves)) {
    for (uint32_t i = 0; i < parts.leaf_sizes[leaf.leaf]; ++i, ++checked) {
      const int64_t position = parts.FirstPosition(leaf.leaf) + i;
      const uint8_t* const group =
          parts.codes.data() + position / 32 * parts.parameters.num_code_pairs() * kLut16PairBytes;
      const int place = static_cast<int>(position % 32);
      int sum = table.sum_offset;
      double score = allowance * parts.parameters.longest_residual;
      for (int64_t block = 0; block < num_blocks; ++block) {
        const uint8_t byte = group[block / 2 * kLut16PairBytes + block % 2 * 16 + Lut16Byte(place)];
        const int code = place >= 16 ? byte >> 4 : byte & 15;
        sum += table.entries[block * 16 + code];
        if (block >= parts.parameters.num_blocks()) {
          score += parts.norm_codebooks[(block - parts.parameters.num_blocks()) * 16 + code];
          continue;
        }
        for (int64_t dim = 2 * block; dim < 2 * block + 2; ++dim) {
          score += multiplier * q[dim] * parts.codebooks[dim * 16 + code];
        }
      }
      const double scale = parts.code_scales[position];
      const double units = table.ScoreOffset(leaf.bias) + sum * scale / 128 - table.zero_sum;
      // An entry is rounded, and so are a leaf's part and zero_sum.
      const double tolerance = (0.5 * static_cast<double>(num_blocks) + 1) * scale / 128 + 1;
      EXPECT_NEAR(units, (leaf.bias - table.zero_bias + score * scale / 127) * table.scale,
                  1.01 * tolerance);
    }
  }
  EXPECT_GT(checked, 600);
}

}  // namespace
}  // namespace tfscann::testing
