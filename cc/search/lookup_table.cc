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

void MakeLookupTable(const IndexParts& parts, SearchScratch* scratch) {
  const IndexParameters& parameters = parts.parameters;
  const int64_t num_blocks = parameters.num_blocks();
  const int64_t num_code_blocks = parameters.num_code_blocks();
  const bool squared_l2 = parameters.distance_measure == DistanceMeasure::kSquaredL2;
  const PreparedQuery& query = scratch->query;

  float* products = scratch->products.Resize(num_code_blocks * 16);
  ActiveKernels().block_products(squared_l2 ? query.centered.data() : query.values.data(),
                                 parts.codebooks.data(), num_blocks,
                                 parameters.dimensions_per_block, products);
  if (squared_l2) {
    for (int64_t i = 0; i < num_blocks * 16; ++i) products[i] *= 2;
    std::copy(parts.norm_codebooks.begin(), parts.norm_codebooks.end(), products + num_blocks * 16);
  }

  float* minima = scratch->block_minima.Resize(num_code_blocks);
  float widest = 0;
  for (int64_t block = 0; block < num_code_blocks; ++block) {
    const float* begin = products + block * 16;
    float smallest = begin[0], largest = begin[0];
    for (int i = 1; i < 16; ++i) {
      smallest = std::min(smallest, begin[i]);
      largest = std::max(largest, begin[i]);
    }
    minima[block] = smallest;
    widest = std::max(widest, largest - smallest);
  }

  const float max_entry =
      static_cast<float>(std::min<int64_t>(kLut16MaxEntry, kLut16MaxSum / num_code_blocks));
  LookupTable& table = scratch->lookup_table;
  table.scale = TableScale(widest, max_entry, scratch->chosen_leaves);
  uint8_t* entries = table.entries.Resize(RoundUp(num_code_blocks, 4) * 16);
  ActiveKernels().quantize_table(products, minima, table.scale, max_entry, num_code_blocks,
                                 entries);
  std::memset(entries + num_code_blocks * 16, 0, table.entries.size() - num_code_blocks * 16);
}

}  // namespace tfscann
