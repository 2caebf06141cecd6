#include "cc/search/lookup_table.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "cc/kernels/kernels.h"

namespace tfscann {
namespace {

// Sets the scale: as fine as the widest block allows, while the leaves' biases stay within the
// range of scores.
void SetScale(float widest_block, float max_entry, Span<const ChosenLeaf> leaves,
              LookupTable* table) {
  float lowest = std::numeric_limits<float>::max(), highest = std::numeric_limits<float>::lowest();
  for (const ChosenLeaf& leaf : leaves) {
    // In this order a NaN (of overflowing products) changes nothing.
    lowest = std::min(lowest, leaf.bias);
    highest = std::max(highest, leaf.bias);
  }
  const float finest = widest_block > 0 ? max_entry / widest_block : 1e30f;
  const float range = highest - lowest;
  const float within_scores = range > 0 ? LookupTable::kMaxLeafUnits / range : 1e30f;
  const float scale = std::min(finest, within_scores);
  table->scale = scale > 0 ? scale : 0.0f;  // infinite terms: no resolution
  table->lowest_bias = lowest;
}

}  // namespace

void MakeLookupTable(const IndexParts& parts, QueryState* query, SearchScratch* scratch) {
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
  SetScale(widest, max_entry, query->chosen_leaves, &table);
  uint8_t* entries = table.entries.Resize(RoundUp(num_code_blocks, 4) * 16);
  ActiveKernels().quantize_table(products, maxima, table.scale, max_entry, num_code_blocks,
                                 entries);
  std::memset(entries + num_code_blocks * 16, 0, table.entries.size() - num_code_blocks * 16);
}

}  // namespace tfscann
