// Stage 1: choosing the leaves to search.
#ifndef TFSCANN_SEARCH_PARTITIONER_H_
#define TFSCANN_SEARCH_PARTITIONER_H_

#include "cc/search/index_parts.h"
#include "cc/search/scratch.h"

namespace tfscann {

// Ranks leaves by what their best candidates may score, not by the centroid alone: a candidate
// c + r of a leaf with RMS residual s scores q.c + q.r, and q.r spreads like |q| s / sqrt(d). So,
// with kLeafSpread standard deviations,
//   dot_product, cosine:  q.c + kLeafSpread |q| s / sqrt(d)
//   squared_l2:           -(|q-c|^2 + s^2 - 2 kLeafSpread |q-c| s / sqrt(d)).
inline constexpr float kLeafSpread = 2.0f;

// Writes the best `count` leaves, best first, to scratch->chosen_leaves, each with its bias: q.c,
// or 2 q.c - |c|^2 for squared_l2 (q and c being relative to the mean candidate).
// count is in [1, num_leaves].
void ChooseLeaves(const IndexParts& parts, int64_t count, SearchScratch* scratch);

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_PARTITIONER_H_
