#include "cc/kernels/avx512.h"
#include "cc/kernels/targets_internal.h"

namespace tfscann {
namespace {

// Adds products of four neighbours to each of sixteen sums, as in int8_avx2.cc: |query| times x
// with the query's signs.
TFSCANN_AVX512 inline __m512i AddProducts(__m512i sums, __m512i query, __m512i x) {
  const __m512i signed_x =
      _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(query), _mm512_setzero_si512(), x);
  return _mm512_dpbusd_epi32(sums, _mm512_abs_epi8(query), signed_x);
}

template <int kQueries>
TFSCANN_AVX512 void DotPacked(const int8_t* const* queries, const int8_t* packed,
                              int64_t num_groups, int64_t dims, int32_t* const* out) {
  for (int64_t group = 0; group < num_groups; ++group) {
    __m512i sums[kQueries];
    for (int q = 0; q < kQueries; ++q) sums[q] = _mm512_setzero_si512();
    for (int64_t dim = 0; dim < dims; dim += 4, packed += 4 * kInt8PackedRows) {
      const __m512i x = _mm512_loadu_si512(packed);
      for (int q = 0; q < kQueries; ++q) {
        int32_t four;
        __builtin_memcpy(&four, queries[q] + dim, sizeof(four));
        sums[q] = AddProducts(sums[q], _mm512_set1_epi32(four), x);
      }
    }
    for (int q = 0; q < kQueries; ++q) {
      _mm512_storeu_si512(out[q] + group * kInt8PackedRows, sums[q]);
    }
  }
}

}  // namespace

TFSCANN_AVX512 void Int8DotGatheredAvx512(const int8_t* query, const int8_t* matrix,
                                          int64_t row_stride, const int32_t* rows, int64_t num_rows,
                                          int64_t dims, int32_t* out) {
  for (int64_t i = 0; i < num_rows; ++i) {
    const int8_t* row = matrix + rows[i] * row_stride;
    __m512i sums = _mm512_setzero_si512();
    for (int64_t dim = 0; dim < dims; dim += 64) {
      sums = AddProducts(sums, _mm512_loadu_si512(query + dim), _mm512_loadu_si512(row + dim));
    }
    out[i] = _mm512_reduce_add_epi32(sums);
  }
}

TFSCANN_AVX512 void Int8DotPackedAvx512(const int8_t* const* queries, int64_t num_queries,
                                        const int8_t* packed, int64_t num_groups, int64_t dims,
                                        int32_t* const* out) {
  for (; num_queries >= 4; num_queries -= 4, queries += 4, out += 4) {
    DotPacked<4>(queries, packed, num_groups, dims, out);
  }
  for (; num_queries > 0; --num_queries) {
    DotPacked<1>(queries++, packed, num_groups, dims, out++);
  }
}

}  // namespace tfscann
