#include <immintrin.h>

#include "cc/kernels/targets_internal.h"

#define TFSCANN_AVX2 __attribute__((target("avx2,fma")))
#define TFSCANN_INLINE static inline __attribute__((always_inline))

namespace tfscann {
namespace {

// Adds to each of kRows sums the products of 32 dimensions: |query| as unsigned bytes times the row
// with the query's signs. maddubs adds two products of at most 127 * 127, which fit in 16 bits.
template <int kRows>
TFSCANN_AVX2 TFSCANN_INLINE void AddProducts(const int8_t* query, const int8_t* row,
                                             int64_t row_stride, __m256i* sums) {
  const __m256i ones = _mm256_set1_epi16(1);
  const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query));
  const __m256i magnitude = _mm256_abs_epi8(q);
  for (int r = 0; r < kRows; ++r) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + r * row_stride));
    const __m256i products = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(x, q));
    sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(products, ones));
  }
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
    __m256i sums[4] = {};
    for (int64_t dim = 0; dim < dims; dim += 32) {
      AddProducts<4>(query + dim, row + dim, row_stride, sums);
    }
    const __m256i all =
        _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + r), AddHalves(all));
  }
  for (; r < num_rows; ++r) {
    const int8_t* row = rows + r * row_stride;
    __m256i sum = {};
    for (int64_t dim = 0; dim < dims; dim += 32) AddProducts<1>(query + dim, row + dim, 0, &sum);
    __m128i half = AddHalves(sum);
    half = _mm_hadd_epi32(half, half);
    half = _mm_hadd_epi32(half, half);
    out[r] = _mm_cvtsi128_si32(half);
  }
}

}  // namespace tfscann
