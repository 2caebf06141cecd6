#include "cc/search/lookup_table.h"

#include <algorithm>
#include <cstring>
#include <limits>

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
  if ((highest - lowest) * scale <= LookupTable::kMaxScoreOffset) return lowest;
  const float below = std::min(largest_sum, LookupTable::kMaxScoreOffset / 2);
  return std::max(lowest, DecidingBias(parts, needed, leaves, sorted) - below / scale);
}

}  // namespace

void MakeLookupTable(const IndexParts& parts, int64_t needed, QueryState* query,
                     SearchScratch* scratch) {
  const IndexParameters& parameters = parts.parameters;
  const int64_t num_blocks = parameters.num_blocks();
  const int64_t num_code_blocks = parameters.num_code_blocks();
  const bool squared_l2 = parameters.distance_measure == DistanceMeasure::kSquaredL2;

  float* products = scratch->products.Resize(num_code_blocks * 16);
  ActiveKernels().block_products(
      squared_l2 ? query->query.centered.data() : query->query.values.data(),
      parts.codebooks.data(), num_blocks, parameters.dimensions_per_block, products);
  if (squared_l2) {
    for (int64_t i = 0; i < num_blocks * 16; ++i) products[i] *= 2;
    std::copy(parts.norm_codebooks.begin(), parts.norm_codebooks.end(), products + num_blocks * 16);
  }
  float* maxima = scratch->block_maxima.Resize(num_code_blocks);
  const float widest = ActiveKernels().block_maxima(products, num_code_blocks, maxima);

  LookupTable& table = query->lookup_table;
  const float max_entry =
      static_cast<float>(std::min<int64_t>(kLut16MaxEntry, kLut16MaxSum / num_code_blocks));
  // As fine as the widest block allows; infinite terms leave no resolution.
  table.scale = widest > 0 ? std::min(max_entry / widest, 1e30f) : 1e30f;
  table.zero_bias = ZeroBias(parts, needed, max_entry * static_cast<float>(num_code_blocks),
                             table.scale, query->chosen_leaves, &scratch->sorted_leaves);
  uint8_t* entries = table.entries.Resize(RoundUp(num_code_blocks, 4) * 16);
  ActiveKernels().quantize_table(products, maxima, table.scale, max_entry, num_code_blocks,
                                 entries);
  std::memset(entries + num_code_blocks * 16, 0, table.entries.size() - num_code_blocks * 16);
}

}  // namespace tfscann
