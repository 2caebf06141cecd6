// The leaves that each row stands in.
#ifndef TFSCANN_BUILD_LEAVES_OF_ROWS_H_
#define TFSCANN_BUILD_LEAVES_OF_ROWS_H_

#include <array>
#include <cstdint>
#include <vector>

#include "cc/search/index_parts.h"

namespace tfscann {

// [num_candidates]; the second is the first where a row has no second copy.
inline std::vector<std::array<int32_t, 2>> LeavesOfRows(const IndexParts& parts) {
  std::vector<std::array<int32_t, 2>> leaves_of_row(parts.parameters.num_candidates, {-1, -1});
  for (int32_t leaf = 0; leaf < parts.parameters.num_leaves; ++leaf) {
    for (const int32_t row : parts.RowsOf(leaf)) {
      std::array<int32_t, 2>& leaves = leaves_of_row[row];
      if (leaves[0] < 0) leaves[0] = leaf;
      leaves[1] = leaf;
    }
  }
  return leaves_of_row;
}

}  // namespace tfscann

#endif  // TFSCANN_BUILD_LEAVES_OF_ROWS_H_
