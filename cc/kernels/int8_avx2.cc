#include <immintrin.h>

#include "cc/kernels/targets_internal.h"

#define TFSCANN_AVX2 __attribute__((target("avx2,fma")))
#define TFSCANN_INLINE static inline __attribute__((always_inline))

namespace tfscann {
namespace {

// |query| as unsigned bytes times the row with the query's signs: maddubs adds two products of at
// most 127 * 128, which fit in 16 bits.
TFSCANN_AVX2 TFSCANN_INLINE __m256i RowSums(const int8_t* query, const int8_t* row, int64_t dims) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sums = _mm256_setzero_si256();
  for (int64_t dim = 0; dim < dims; dim += 32) {
    const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query + dim));
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + dim));
    const __m256i products = _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(x, q));
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(products, ones));
  }
  return sums;
}

TFSCANN_AVX2 TFSCANN_INLINE __m128i AddHalves(__m256i v) {
  return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

}  // namespace

TFSCANN_AVX2 void Int8DotRowsAvx2(const int8_t* query, const int8_t* rows, int64_t row_stride,
                                  int64_t num_rows, int64_t dims, int32_t* out) {
  int64_t r = 0;
  for (; r + 4 <= num_rows; r += 4) {
    const int8_t* row = rows + r * row_stride;
    const __m256i a = RowSums(query, row, dims);
    const __m256i b = RowSums(query, row + row_stride, dims);
    const __m256i c = RowSums(query, row + 2 * row_stride, dims);
    const __m256i d = RowSums(query, row + 3 * row_stride, dims);
    const __m256i abcd = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + r), AddHalves(abcd));
  }
  for (; r < num_rows; ++r) {
    __m128i sum = AddHalves(RowSums(query, rows + r * row_stride, dims));
    sum = _mm_hadd_epi32(sum, sum);
    sum = _mm_hadd_epi32(sum, sum);
    out[r] = _mm_cvtsi128_si32(sum);
  }
}

}  // namespace tfscann
