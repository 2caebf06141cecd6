#include "cc/search/lookup_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "cc/kernels/kernels.h"

namespace tfscann {
namespace {

// The bias of the leaf in which, from the highest bias down, there are `needed` candidates; the
// lowest, if there are fewer. There is a leaf.
float DecidingBias(const IndexParts& parts, int64_t needed, Span<const ChosenLeaf> leaves,
                   AlignedBuffer<ChosenLeaf>* sorted) {
  sorted->Resize(leaves.size());
  std::copy(leaves.begin(), leaves.end(), sorted->data());
  ChosenLeaf* const end = sorted->data() + leaves.size();
  for (ChosenLeaf* leaf = sorted->data(); leaf < end; ++leaf) {
    // A NaN (of overflowing products) would not sort.
    if (!(leaf->bias == leaf->bias)) leaf->bias = std::numeric_limits<float>::lowest();
  }
  std::sort(sorted->data(), end,
            [](const ChosenLeaf& a, const ChosenLeaf& b) { return a.bias > b.bias; });
  int64_t found = 0;
  for (const ChosenLeaf* leaf = sorted->data(); leaf < end; ++leaf) {
    found += parts.leaf_sizes[leaf->leaf];
    if (found >= needed) return leaf->bias;
  }
  return end[-1].bias;
}

// The bias that gets the score offset 0. Where the biases range further than offsets do, what is
// lost is no part of the best `needed`: with s the largest sum, leaves more than s below the
// deciding bias cannot get among them, and those more than s above it cannot but get among them.
float ZeroBias(const IndexParts& parts, int64_t needed, float largest_sum, float scale,
               Span<const ChosenLeaf> leaves, AlignedBuffer<ChosenLeaf>* sorted) {
  float lowest = std::numeric_limits<float>::max(), highest = std::numeric_limits<float>::lowest();
  for (const ChosenLeaf& leaf : leaves) {
    // In this order a NaN changes nothing.
    lowest = std::min(lowest, leaf.bias);
    highest = std::max(highest, leaf.bias);
  }
  if ((highest - lowest) * scale <= LookupTable::kMaxBiasUnits) return lowest;
  const float below = std::min(largest_sum, LookupTable::kMaxBiasUnits / 2);
  return std::max(lowest, DecidingBias(parts, needed, leaves, sorted) - below / scale);
}

// The sum of a number of values that is divisible by 4.
float SumOf(const float* values, int64_t count) {
  float sums[4] = {};
  for (int64_t i = 0; i < count; i += 4) {
    for (int64_t j = 0; j < 4; ++j) sums[j] += values[i + j];
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// The largest sum that a byte has to hold where a step has kBlocks blocks. The ranges go on with
// zeros up to a whole step.
template <int64_t kBlocks>
float LargestByte(const float* ranges, int64_t num_blocks) {
  float largest = 0;
  const int64_t num_steps = CeilDiv(num_blocks, kBlocks), run = Lut16StepsPerRun(num_steps);
  for (int64_t begin = 0; begin < num_steps; begin += run) {
    float bytes[kBlocks] = {};
    for (int64_t step = begin; step < std::min(begin + run, num_steps); ++step) {
      for (int64_t i = 0; i < kBlocks; ++i) bytes[i] += ranges[step * kBlocks + i];
    }
    largest = std::max(largest, *std::max_element(bytes, bytes + kBlocks));
  }
  return largest;
}

}  // namespace

float TableScale(const float* ranges, int64_t num_blocks, float allowance) {
  const float sum = SumOf(ranges, RoundUp(num_blocks, 4)) + allowance;
  if (!(sum <= std::numeric_limits<float>::max())) return 0;
  // Rounding adds half an entry to each at most, and to the allowance; adding up kMaxBlocks floats,
  // in four sums, loses less than 2 of them.
  constexpr float kByteRoom = kLut16MaxByteSum - 1 - 0.5f * kLut16MaxStepsPerRun;
  const float room = kLut16MaxSum - 2 - 0.5f * static_cast<float>(num_blocks + 1);
  static_assert(kLut16BlocksPerStep[0] == 2 && kLut16BlocksPerStep[1] == 4);
  const float largest_byte =
      std::max(LargestByte<2>(ranges, num_blocks), LargestByte<4>(ranges, num_blocks));
  float scale = 1e30f;
  if (largest_byte > 0) scale = std::min(scale, kByteRoom / largest_byte);
  if (sum > 0) scale = std::min(scale, room / sum);
  return scale;
}

void MakeLookupTable(const IndexParts& parts, int64_t needed, QueryState* query,
                     SearchScratch* scratch) {
  const IndexParameters& parameters = parts.parameters;
  const int64_t num_blocks = parameters.num_blocks();
  const int64_t num_code_blocks = parameters.num_code_blocks();
  const bool squared_l2 = parameters.distance_measure == DistanceMeasure::kSquaredL2;
  const float multiplier = squared_l2 ? 2.0f : 1.0f;

  float* products = scratch->products.Resize(num_code_blocks * 16);
  ActiveKernels().block_products(
      squared_l2 ? query->query.centered.data() : query->query.values.data(),
      parts.codebooks.data(), num_blocks, parameters.dimensions_per_block, products);
  if (squared_l2) {
    for (int64_t i = 0; i < num_blocks * 16; ++i) products[i] *= multiplier;
    std::copy(parts.norm_codebooks.begin(), parts.norm_codebooks.end(), products + num_blocks * 16);
  }
  float* minima = scratch->block_minima.Resize(num_code_blocks);
  const int64_t padded = RoundUp(num_code_blocks, 4);
  float* ranges = scratch->block_ranges.Resize(padded);
  ActiveKernels().block_ranges(products, num_code_blocks, minima, ranges);
  std::fill(ranges + num_code_blocks, ranges + padded, 0.0f);

  LookupTable& table = query->lookup_table;
  table.allowance = multiplier * kCodeAllowance * query->query.norm /
                    std::sqrt(static_cast<float>(parameters.dimensions));
  const float allowance = table.allowance * parameters.longest_residual;
  const float scale = TableScale(ranges, num_code_blocks, allowance);
  // In this order a NaN becomes 0: infinite terms leave no resolution.
  const float allowance_units = std::max(0.0f, std::nearbyint(allowance * scale));
  const float largest_sum =
      SumOf(ranges, padded) * scale + 0.5f * static_cast<float>(num_code_blocks) + allowance_units;
  // Where norm blocks hold all of a candidate's terms, not what they are more than a leaf's, there
  // is nothing to be given back: all have the same scale.
  const bool whole_terms = squared_l2 && parts.leaf_norm_terms.empty();
  const float of_zero = -scale * std::accumulate(minima, minima + num_code_blocks, 0.0f);
  const float most = std::min(static_cast<float>(kLut16MaxSum), largest_sum);
  const float zero_sum = whole_terms ? 0.0f : std::min(most, std::max(0.0f, of_zero));
  table.zero_sum = static_cast<uint16_t>(std::nearbyint(zero_sum));
  table.sum_offset = static_cast<int16_t>(static_cast<int32_t>(allowance_units) - table.zero_sum);
  table.scale = scale * (static_cast<float>(kLut16MaxScale) / kLut16ScaleOne);
  table.zero_bias = ZeroBias(parts, needed, largest_sum, table.scale, query->chosen_leaves,
                             &scratch->sorted_leaves);
  uint8_t* entries = table.entries.Resize(padded * 16);
  std::memset(entries, 0, table.entries.size());
  if (scale == 0) return;
  ActiveKernels().quantize_table(products, minima, ranges, scale, num_code_blocks, entries);
}

}  // namespace tfscann
