#include "cc/search/lookup_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cc/kernels/kernels.h"

namespace tfscann {
namespace {

// Units of the table in one unit of score: as fine as the widest block allows, while the leaves'
// biases stay within the keys' range.
float TableScale(float widest_block, float max_entry, Span<const ChosenLeaf> leaves) {
  float largest_bias = 0;
  for (const ChosenLeaf& leaf : leaves) {
    largest_bias = std::max(largest_bias, std::fabs(leaf.bias));
  }
  const float finest = widest_block > 0 ? max_entry / widest_block : 1e30f;
  const float within_keys = largest_bias > 0 ? 0x1p29f / largest_bias : 1e30f;
  const float scale = std::min(finest, within_keys);
  return scale > 0 ? scale : 0.0f;  // infinite terms: no resolution
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
  table.max_entry =
      static_cast<int32_t>(std::min<int64_t>(kLut16MaxEntry, kLut16MaxSum / num_code_blocks));
  table.scale = TableScale(widest, static_cast<float>(table.max_entry), query->chosen_leaves);
  uint8_t* entries = table.entries.Resize(RoundUp(num_code_blocks, 4) * 16);
  ActiveKernels().quantize_table(products, maxima, table.scale, static_cast<float>(table.max_entry),
                                 num_code_blocks, entries);
  std::memset(entries + num_code_blocks * 16, 0, table.entries.size() - num_code_blocks * 16);
}

}  // namespace tfscann
