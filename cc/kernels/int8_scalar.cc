#include "cc/kernels/targets_internal.h"

namespace tfscann {

void Int8DotRowsScalar(const int8_t* query, const int8_t* rows, int64_t row_stride,
                       int64_t num_rows, int64_t dims, int32_t* out) {
  for (int64_t r = 0; r < num_rows; ++r) {
    const int8_t* row = rows + r * row_stride;
    int32_t sum = 0;
    for (int64_t dim = 0; dim < dims; ++dim) sum += int32_t{query[dim]} * row[dim];
    out[r] = sum;
  }
}

}  // namespace tfscann
