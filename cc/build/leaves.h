// Which candidates stand in which leaf, and where.
#ifndef TFSCANN_BUILD_LEAVES_H_
#define TFSCANN_BUILD_LEAVES_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cc/base/aligned_buffer.h"
#include "cc/base/matrix_view.h"
#include "cc/kernels/kernels.h"

namespace tfscann {

struct Leaves {
  std::vector<uint32_t> first_groups;  // [num_leaves + 1]
  std::vector<uint32_t> sizes;         // [num_leaves]
  std::vector<int32_t> position_rows;  // [groups x 32], -1 where there is no candidate

  int64_t size() const { return static_cast<int64_t>(sizes.size()); }
  int64_t num_groups() const { return first_groups.back(); }
  int64_t FirstPosition(int64_t leaf) const { return int64_t{first_groups[leaf]} * kLut16Group; }
  // Those of the candidates in a leaf; they ascend.
  Span<const int32_t> RowsOf(int64_t leaf) const {
    return {position_rows.data() + FirstPosition(leaf), sizes[leaf]};
  }
  // Where one of them stands.
  int64_t PositionOf(int64_t leaf, int64_t row) const {
    const Span<const int32_t> members = RowsOf(leaf);
    return FirstPosition(leaf) +
           (std::lower_bound(members.begin(), members.end(), row) - members.begin());
  }
};

// Puts row i in each of the leaves assignments[*][i]; within a leaf rows ascend. Of the 32-bit
// positions there must be enough: assignments x rows + 32 x num_leaves < 2^32.
inline Leaves ArrangeLeaves(const std::vector<const std::vector<int32_t>*>& assignments,
                            int64_t num_leaves) {
  Leaves leaves;
  leaves.sizes.assign(num_leaves, 0);
  for (const auto* assignment : assignments) {
    for (const int32_t leaf : *assignment) ++leaves.sizes[leaf];
  }
  leaves.first_groups.assign(num_leaves + 1, 0);
  for (int64_t leaf = 0; leaf < num_leaves; ++leaf) {
    leaves.first_groups[leaf + 1] =
        leaves.first_groups[leaf] + static_cast<uint32_t>(CeilDiv(leaves.sizes[leaf], kLut16Group));
  }
  leaves.position_rows.assign(leaves.num_groups() * kLut16Group, -1);
  std::vector<uint32_t> filled(num_leaves, 0);
  const int64_t num_rows = static_cast<int64_t>(assignments[0]->size());
  for (int64_t row = 0; row < num_rows; ++row) {
    for (const auto* assignment : assignments) {
      const int32_t leaf = (*assignment)[row];
      leaves.position_rows[leaves.FirstPosition(leaf) + filled[leaf]++] = static_cast<int32_t>(row);
    }
  }
  return leaves;
}

}  // namespace tfscann

#endif  // TFSCANN_BUILD_LEAVES_H_
