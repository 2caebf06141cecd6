#include "cc/kernels/avx512.h"
#include "cc/kernels/targets_internal.h"

namespace tfscann {

// As in int8_avx2.cc: |query| times the row with the query's signs.
TFSCANN_AVX512 void Int8DotRowsAvx512(const int8_t* query, const int8_t* rows, int64_t row_stride,
                                      int64_t num_rows, int64_t dims, int32_t* out) {
  const __m512i zero = _mm512_setzero_si512();
  for (int64_t r = 0; r < num_rows; ++r) {
    const int8_t* row = rows + r * row_stride;
    __m512i sums = zero;
    for (int64_t dim = 0; dim < dims; dim += 64) {
      const __m512i q = _mm512_loadu_si512(query + dim);
      const __m512i x = _mm512_loadu_si512(row + dim);
      const __m512i signed_x = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(q), zero, x);
      sums = _mm512_dpbusd_epi32(sums, _mm512_abs_epi8(q), signed_x);
    }
    out[r] = _mm512_reduce_add_epi32(sums);
  }
}

}  // namespace tfscann
