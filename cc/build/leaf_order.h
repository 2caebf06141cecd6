// The order in which leaves are numbered.
#ifndef TFSCANN_BUILD_LEAF_ORDER_H_
#define TFSCANN_BUILD_LEAF_ORDER_H_

#include <cstdint>
#include <vector>

#include "cc/base/matrix_view.h"

namespace tfscann {

// An order of the centroids in which each `group` of them, counted from the first, are near each
// other, and neighbouring groups are rather near, too: halves of whole groups, halved in turn, each
// time across the direction in which the centroids differ most.
std::vector<int32_t> OrderByNearness(MatrixView<const float> centroids, int64_t group);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_LEAF_ORDER_H_
