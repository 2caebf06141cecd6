// Stage 2: the query as a lookup table of small integers.
//
// A candidate of leaf c with codes i_1..i_B and scale s has the approximate score
//   bias(c) + s (sum_b m * (q_b . codebook_b[i_b]) + a),        m = 1,
// and for squared_l2, where |q-c-r|^2 = |q-c|^2 - 2 q.r + (2 c.r + |r|^2), with m = 2 and
// kNormBlocks more blocks that add up to the candidate's norm term over s: the mean of 2 c.r +
// |r|^2 in its leaf, which is a part of the bias, minus its own. |q|^2 is the same for all and left
// out. The table holds the terms of this sum as integers, a block's smallest term being 0, in one
// unit. What the smallest terms take off, zero_sum, is given back to the sum before it is scaled.
//
// a is an allowance. The score of a code is wrong by about |q| |r| / (3 sqrt(d)) where blocks have
// two dimensions: of two candidates that seem equally good, the one of the longer residual is the
// more likely to be among the best. So scores are raised by kCodeAllowance |q| |r| / sqrt(d), twice
// that for squared_l2.
#ifndef TFSCANN_SEARCH_LOOKUP_TABLE_H_
#define TFSCANN_SEARCH_LOOKUP_TABLE_H_

#include "cc/search/index_parts.h"
#include "cc/search/scratch.h"

namespace tfscann {

// On the GloVe set 0 to 0.6 make no difference; with its lengths as published, a recall of 0.99
// takes a tenth fewer leaves with 0.3 to 0.9 than without.
inline constexpr float kCodeAllowance = 0.4f;

// Units of entries in one unit of the terms: as many as the kernels' bytes and sums (see
// kernels/kernels.h) have room for. ranges[b] is the largest term of block b minus its smallest;
// behind them there are zeros up to a multiple of 4. `allowance` is added to sums. 0 if one of them
// is infinite or NaN.
float TableScale(const float* ranges, int64_t num_blocks, float allowance);

// Fills query->lookup_table for the leaves that it has chosen, so that the scores tell which are
// the best `needed` positions.
void MakeLookupTable(const IndexParts& parts, int64_t needed, QueryState* query,
                     SearchScratch* scratch);

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_LOOKUP_TABLE_H_
