// A built index as views of memory: what io maps from a file and Index searches. The widths and
// lengths given here are what io validates.
#ifndef TFSCANN_SEARCH_INDEX_PARTS_H_
#define TFSCANN_SEARCH_INDEX_PARTS_H_

#include <cstdint>

#include "cc/base/matrix_view.h"
#include "cc/kernels/kernels.h"
#include "cc/search/identifiers.h"
#include "cc/search/int8_rows.h"
#include "cc/search/options.h"

namespace tfscann {

struct IndexParts {
  IndexParameters parameters;
  Identifiers identifiers;

  // [num_candidates x dimensions] and kFloatOverread more; cosine: of unit length or zero. Empty if
  // the index was built with int8 reordering.
  Span<const float> rows;

  // The rest is empty in an exact index.

  // The same as Int8Rows (squared_l2: minus the mean candidate), int8_row_stride bytes each, and
  // kInt8Overread more.
  Span<const int8_t> int8_rows;
  // squared_l2: the mean candidate, [dimensions].
  Span<const float> center;
  // Int8Rows of the leaves' centroids, and kInt8Overread more.
  Span<const int8_t> centroids;
  // [num_leaves] root mean square length of the residuals, candidate minus centroid.
  Span<const float> leaf_radii;
  // What ranks leaves in place of centroids and radii, if it was learned (IndexParameters'
  // learned_routing), or empty: Int8Rows, one a leaf, and kInt8Overread more; [num_leaves] offsets,
  // to be multiplied with the query's length.
  Span<const int8_t> routing_vectors;
  Span<const float> routing_offsets;
  // [num_leaves + 1] the first group of each leaf's codes.
  Span<const uint32_t> leaf_first_groups;
  // [num_leaves] candidates in each leaf: the first ones of its groups.
  Span<const uint32_t> leaf_sizes;
  // [groups x 32] the row at each position; -1 behind a leaf's last candidate.
  Span<const int32_t> position_rows;
  // [groups x 32] what the codes at each position are multiplied with, over kLut16MaxScale: in
  // proportion to the length of the residual, so that codebooks are for residuals of one length. 0
  // behind a leaf's last candidate. Files of versions 1 to 5 have none: all are the largest.
  Span<const uint8_t> code_scales;
  // [num_blocks][dimensions_per_block][16], dimensions behind the last being zero.
  Span<const float> codebooks;
  // squared_l2: [num_leaves] the mean of 2 c.r + |r|^2 for the candidates of each leaf, so that
  // |c|^2 and it make up the mean of their |x|^2, all relative to the mean candidate. Empty in
  // files of versions 1 to 3, whose codes say the whole of 2 c.r + |r|^2.
  Span<const float> leaf_norm_terms;
  // squared_l2: [kNormBlocks][16], the parts that codes add to a candidate's norm term, see
  // lookup_table.h.
  Span<const float> norm_codebooks;
  // Packed 4-bit codes, see kernels.h: groups x num_code_pairs x 32 bytes.
  Span<const uint8_t> codes;

  Int8Rows CandidateInt8Rows() const {
    return {int8_rows.data(), parameters.dimensions, parameters.int8_row_stride};
  }
  int64_t FirstPosition(int64_t leaf) const {
    return int64_t{leaf_first_groups[leaf]} * kLut16Group;
  }
  Span<const int32_t> RowsOf(int64_t leaf) const {
    return {position_rows.data() + FirstPosition(leaf), leaf_sizes[leaf]};
  }
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_INDEX_PARTS_H_
