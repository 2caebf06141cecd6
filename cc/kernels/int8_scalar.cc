#include "cc/kernels/targets_internal.h"

namespace tfscann {

void Int8DotGatheredScalar(const int8_t* query, const int8_t* matrix, int64_t row_stride,
                           const int32_t* rows, int64_t num_rows, int64_t dims, int32_t* out) {
  for (int64_t i = 0; i < num_rows; ++i) {
    const int8_t* row = matrix + rows[i] * row_stride;
    int32_t sum = 0;
    for (int64_t dim = 0; dim < dims; ++dim) sum += int32_t{query[dim]} * row[dim];
    out[i] = sum;
  }
}

void Int8DotPackedScalar(const int8_t* query, const int8_t* packed, const int32_t* groups,
                         int64_t num_groups, int64_t dims, int32_t* out) {
  for (int64_t i = 0; i < num_groups; ++i, out += kInt8PackedRows) {
    const int8_t* columns = packed + groups[i] * kInt8PackedRows * dims;
    for (int64_t r = 0; r < kInt8PackedRows; ++r) {
      int32_t sum = 0;
      for (int64_t dim = 0; dim < dims; ++dim) {
        sum += int32_t{query[dim]} * columns[(dim / 4 * kInt8PackedRows + r) * 4 + dim % 4];
      }
      out[r] = sum;
    }
  }
}

}  // namespace tfscann
