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

template <int kQueries>
TFSCANN_AVX2 void DotPacked(const int8_t* const* queries, const int8_t* packed, int64_t num_groups,
                            int64_t dims, int32_t* const* out) {
  for (int64_t group = 0; group < num_groups; ++group) {
    __m256i sums[kQueries][2] = {};
    for (int64_t dim = 0; dim < dims; dim += 4, packed += 4 * kInt8PackedRows) {
      const __m256i low = Load(packed), high = Load(packed + 32);
      for (int q = 0; q < kQueries; ++q) {
        int32_t four;
        __builtin_memcpy(&four, queries[q] + dim, sizeof(four));
        const __m256i query = _mm256_set1_epi32(four);
        const __m256i magnitude = _mm256_abs_epi8(query);
        sums[q][0] = AddProducts(sums[q][0], query, magnitude, low);
        sums[q][1] = AddProducts(sums[q][1], query, magnitude, high);
      }
    }
    for (int q = 0; q < kQueries; ++q) {
      __m256i* const to = reinterpret_cast<__m256i*>(out[q] + group * kInt8PackedRows);
      _mm256_storeu_si256(to, sums[q][0]);
      _mm256_storeu_si256(to + 1, sums[q][1]);
    }
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

TFSCANN_AVX2 void Int8DotPackedAvx2(const int8_t* const* queries, int64_t num_queries,
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
