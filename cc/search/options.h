// The words of the search layer: what an index is made for (IndexParameters, fixed when it is
// built) and what one search may choose (SearchOptions).
#ifndef TFSCANN_SEARCH_OPTIONS_H_
#define TFSCANN_SEARCH_OPTIONS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "cc/base/matrix_view.h"

namespace tfscann {

// Inside the engine a score is larger for a better candidate; squared_l2 is negated until results
// are written out.
enum class DistanceMeasure : uint32_t { kDotProduct = 0, kCosine = 1, kSquaredL2 = 2 };
inline constexpr const char* kDistanceMeasureNames[] = {"dot_product", "cosine", "squared_l2"};

enum class ReorderingDtype : uint32_t { kFloat32 = 0, kInt8 = 1 };
inline constexpr const char* kReorderingDtypeNames[] = {"float32", "int8"};

inline constexpr int64_t kMaxCandidates = int64_t{1} << 31;
inline constexpr int64_t kMaxDimensions = 16384;
// Blocks that a code may have, those of the norm included: with more, a table entry would have
// too few levels left below kLut16MaxSum.
inline constexpr int64_t kMaxBlocks = 4096;

// Blocks that carry a candidate's norm term when the measure is squared_l2; see lookup_table.h.
inline constexpr int64_t kNormBlocks = 4;

// What the scores of leaves and branches say about a query. For dot_product and cosine in units of
// the query's length, so that a longer query is the same query.
struct LeafStatistics {
  float best;       // the largest score of a leaf
  float deviation;  // standard deviation of the scores of all branches, or else of all leaves
};

// How many leaves a query needs, as a multiple of what queries need on average: a query whose best
// leaf stands out from the others has its neighbours there. The logarithm is linear in the
// statistics; the build fits the weights to queries whose neighbours it knows. Zeros: every query
// needs the same.
struct LeafDemand {
  // Bounds of the factor. The higher one keeps the slowest queries near the others.
  static constexpr float kLeast = 0.25f;
  static constexpr float kMost = 2.0f;

  float intercept = 0;
  float best_weight = 0;
  float deviation_weight = 0;

  float Of(const LeafStatistics& statistics) const {
    const float factor = std::exp(intercept + best_weight * statistics.best +
                                  deviation_weight * statistics.deviation);
    return factor == factor ? std::min(std::max(factor, kLeast), kMost) : 1.0f;
  }
};

struct IndexParameters {
  DistanceMeasure distance_measure = DistanceMeasure::kDotProduct;
  ReorderingDtype reordering_dtype = ReorderingDtype::kFloat32;
  int64_t num_candidates = 0;
  int64_t dimensions = 0;

  // Zero leaves: an exact index, of rows alone. The rest then stays at its defaults.
  int64_t num_leaves = 0;
  // Leaves stand in an order in which each kInt8PackedRows of them are near each other: a branch.
  bool branches = false;
  // Leaves are ranked by what was learned from queries, see partitioner.h.
  bool learned_routing = false;
  int64_t dimensions_per_block = 0;
  bool soar = false;  // every candidate stands in two leaves
  double soar_lambda = 0;
  double anisotropic_quantization_threshold = 0;
  // The length of a residual that has the largest scale; longer ones have it, too. 0: there are no
  // scales (IndexParts::code_scales).
  float longest_residual = 0;

  // Bytes from one of the candidates' int8 rows to the next, see int8_rows.h.
  int64_t int8_row_stride = 0;

  // What a search uses unless told otherwise; leaves on average.
  int64_t num_leaves_to_search = 0;
  int64_t num_reordering_candidates = 0;

  LeafDemand leaf_demand;

  // How the build came to them.
  int64_t training_iterations = 0;
  uint64_t seed = 0;
  int64_t tuned_k = 0;  // recall is that of the first tuned_k results
  double target_recall = 0;
  double measured_recall = 0;  // on rows left out of their own results; negative: not measured

  bool exact() const { return num_leaves == 0; }
  int64_t num_blocks() const {
    return exact() ? 0 : (dimensions + dimensions_per_block - 1) / dimensions_per_block;
  }
  // Blocks of a packed code: those of the dimensions and those of the norm.
  int64_t num_code_blocks() const {
    if (exact()) return 0;
    return num_blocks() + (distance_measure == DistanceMeasure::kSquaredL2 ? kNormBlocks : 0);
  }
  int64_t num_code_pairs() const { return (num_code_blocks() + 1) / 2; }
};

struct SearchOptions {
  int64_t k = 10;  // results for a query
  // Unset: the index's own. Larger than the index has: all of them. Leaves are an average: each
  // query gets its share by the index's LeafDemand, or all of them if that is what is asked for.
  std::optional<int64_t> num_leaves_to_search;
  std::optional<int64_t> num_reordering_candidates;
  // Score every float32 candidate, whatever the index: what recall is measured against.
  bool exact = false;
};

// Candidate rows that a query must not return: for query i, rows[splits[i], splits[i + 1]).
// No splits: nothing is excluded.
struct Exclusions {
  Span<const int32_t> rows;
  Span<const int64_t> splits;

  bool empty() const { return splits.empty(); }
  Span<const int32_t> Of(int64_t query) const {
    if (empty()) return {};
    return {rows.data() + splits[query], static_cast<size_t>(splits[query + 1] - splits[query])};
  }
  // Those of the queries from `query` on.
  Exclusions From(int64_t query) const {
    if (empty()) return {};
    return {rows, {splits.data() + query, splits.size() - static_cast<size_t>(query)}};
  }
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_OPTIONS_H_
