// Stage 2: the query as a lookup table of small integers.
//
// A candidate of leaf c with codes i_1..i_B has the approximate score
//   bias(c) + sum_b s * (q_b . codebook_b[i_b]),        s = 1,
// and for squared_l2, where |q-c-r|^2 = |q-c|^2 - 2 q.r + (2 c.r + |r|^2), with s = 2 and
// kNormBlocks more blocks that add up to the candidate's norm term: the mean of 2 c.r + |r|^2 in
// its leaf, which is a part of the bias, minus its own. |q|^2 is the same for all and left out.
// The table holds the terms of this sum in units of 1 / scale, rounded to integers, a block's
// smallest term being 0 (what that takes off is the same for all candidates).
#ifndef TFSCANN_SEARCH_LOOKUP_TABLE_H_
#define TFSCANN_SEARCH_LOOKUP_TABLE_H_

#include "cc/search/index_parts.h"
#include "cc/search/scratch.h"

namespace tfscann {

// Entries for a unit of the terms: as many as the kernels' bytes and sums (see kernels/kernels.h)
// have room for. ranges[b] is the largest term of block b minus its smallest; behind them there are
// zeros up to a multiple of 4. 0 if a range is infinite or NaN.
float TableScale(const float* ranges, int64_t num_blocks);

// Fills query->lookup_table for the leaves that it has chosen, so that the scores tell which are
// the best `needed` positions.
void MakeLookupTable(const IndexParts& parts, int64_t needed, QueryState* query,
                     SearchScratch* scratch);

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_LOOKUP_TABLE_H_
