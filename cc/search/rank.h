// Exact ranks: how many candidates score higher than a given one. What metrics are made of.
#ifndef TFSCANN_SEARCH_RANK_H_
#define TFSCANN_SEARCH_RANK_H_

#include <cstdint>

#include "cc/base/executor.h"
#include "cc/base/matrix_view.h"

namespace tfscann {

// counts[q] = how many candidates have a dot product with query q that is above scores[q], or NaN;
// all of them if scores[q] is NaN. Both have an element for each query. No score is written out:
// the products stay in registers.
void CountHigher(MatrixView<const float> queries, MatrixView<const float> candidates,
                 const float* scores, Executor* executor, int32_t* counts);

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_RANK_H_
