#include <immintrin.h>

#include "cc/kernels/targets_internal.h"

#define TFSCANN_AVX2 __attribute__((target("avx2,fma")))
#define TFSCANN_INLINE static inline __attribute__((always_inline))

namespace tfscann {
namespace {

TFSCANN_AVX2 TFSCANN_INLINE __m256i Load(const int8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

// Adds products of four neighbours to each of eight sums: |query| as unsigned bytes times x with
// the query's signs. maddubs adds two products of at most 127 * 127, which fit in 16 bits.
TFSCANN_AVX2 TFSCANN_INLINE __m256i AddProducts(__m256i sums, __m256i query, __m256i magnitude,
                                                __m256i x) {
  const __m256i products = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(x, query));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(products, _mm256_set1_epi16(1)));
}

TFSCANN_AVX2 TFSCANN_INLINE __m128i AddHalves(__m256i v) {
  return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

// Products with kGroups groups of rows at a time: as many sums as it takes to keep the multipliers
// busy.
template <int kGroups>
TFSCANN_AVX2 TFSCANN_INLINE void DotGroups(const int8_t* query, const int8_t* packed,
                                           const int32_t* groups, int64_t dims, int32_t* out) {
  const int8_t* rows[kGroups];
  __m256i sums[kGroups][2];
  for (int g = 0; g < kGroups; ++g) {
    rows[g] = packed + groups[g] * kInt8PackedRows * dims;
    sums[g][0] = sums[g][1] = _mm256_setzero_si256();
  }
  for (int64_t dim = 0; dim < dims; dim += 4) {
    int32_t four;
    __builtin_memcpy(&four, query + dim, sizeof(four));
    const __m256i values = _mm256_set1_epi32(four);
    const __m256i magnitude = _mm256_abs_epi8(values);
    for (int g = 0; g < kGroups; ++g) {
      const int8_t* const x = rows[g] + dim * kInt8PackedRows;
      sums[g][0] = AddProducts(sums[g][0], values, magnitude, Load(x));
      sums[g][1] = AddProducts(sums[g][1], values, magnitude, Load(x + 32));
    }
  }
  for (int g = 0; g < kGroups; ++g) {
    __m256i* const to = reinterpret_cast<__m256i*>(out + g * kInt8PackedRows);
    _mm256_storeu_si256(to, sums[g][0]);
    _mm256_storeu_si256(to + 1, sums[g][1]);
  }
}

}  // namespace

TFSCANN_AVX2 void Int8DotGatheredAvx2(const int8_t* query, const int8_t* matrix, int64_t row_stride,
                                      const int32_t* rows, int64_t num_rows, int64_t dims,
                                      int32_t* out) {
  for (int64_t i = 0; i < num_rows; ++i) {
    const int8_t* row = matrix + rows[i] * row_stride;
    __m256i sums = {};
    for (int64_t dim = 0; dim < dims; dim += 32) {
      const __m256i q = Load(query + dim);
      sums = AddProducts(sums, q, _mm256_abs_epi8(q), Load(row + dim));
    }
    __m128i half = AddHalves(sums);
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(1, 0, 3, 2)));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(2, 3, 0, 1)));
    out[i] = _mm_cvtsi128_si32(half);
  }
}

TFSCANN_AVX2 void Int8DotPackedAvx2(const int8_t* query, const int8_t* packed,
                                    const int32_t* groups, int64_t num_groups, int64_t dims,
                                    int32_t* out) {
  int64_t i = 0;
  for (; i + 2 <= num_groups; i += 2) {
    DotGroups<2>(query, packed, groups + i, dims, out + i * kInt8PackedRows);
  }
  if (i < num_groups) DotGroups<1>(query, packed, groups + i, dims, out + i * kInt8PackedRows);
}

}  // namespace tfscann
