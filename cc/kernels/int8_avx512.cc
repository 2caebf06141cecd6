#include "cc/kernels/avx512.h"
#include "cc/kernels/targets_internal.h"

namespace tfscann {
namespace {

// VPDPBUSD multiplies unsigned by signed bytes. Values x are taken as x + 128, which flips their
// highest bit, and 128 times the sum of the query is taken off the result.
TFSCANN_AVX512 inline __m512i AddProducts(__m512i sums, __m512i query, __m512i x) {
  const __m512i highest_bits = _mm512_set1_epi8(-128);
  return _mm512_dpbusd_epi32(sums, _mm512_xor_si512(x, highest_bits), query);
}

int32_t Excess(const int8_t* query, int64_t dims) {
  int32_t sum = 0;
  for (int64_t dim = 0; dim < dims; ++dim) sum += query[dim];
  return 128 * sum;
}

TFSCANN_AVX512 inline __m256i Halve(__m512i sums) {
  return _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
}

// out[i] = query . row rows[i] for four rows.
TFSCANN_AVX512 inline void DotFourRows(const int8_t* query, const int8_t* matrix,
                                       int64_t row_stride, const int32_t* rows, int64_t dims,
                                       __m128i excess, int32_t* out) {
  __m512i sums[4];
  for (int i = 0; i < 4; ++i) sums[i] = _mm512_setzero_si512();
  for (int64_t dim = 0; dim < dims; dim += 64) {
    const __m512i q = _mm512_loadu_si512(query + dim);
    for (int i = 0; i < 4; ++i) {
      const __m512i x = _mm512_loadu_si512(matrix + rows[i] * row_stride + dim);
      sums[i] = AddProducts(sums[i], q, x);
    }
  }
  const __m256i quarters = _mm256_hadd_epi32(_mm256_hadd_epi32(Halve(sums[0]), Halve(sums[1])),
                                             _mm256_hadd_epi32(Halve(sums[2]), Halve(sums[3])));
  const __m128i dots =
      _mm_add_epi32(_mm256_castsi256_si128(quarters), _mm256_extracti128_si256(quarters, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_sub_epi32(dots, excess));
}

// Products with kGroups groups of rows at a time: as many sums as it takes to keep the multipliers
// busy.
template <int kGroups>
TFSCANN_AVX512 inline void DotGroups(const int8_t* query, const int8_t* packed,
                                     const int32_t* groups, int64_t dims, __m512i excess,
                                     int32_t* out) {
  const int8_t* rows[kGroups];
  __m512i sums[kGroups];
  _Pragma("GCC unroll 8") for (int g = 0; g < kGroups; ++g) {
    rows[g] = packed + groups[g] * kInt8PackedRows * dims;
    sums[g] = _mm512_setzero_si512();
  }
  for (int64_t dim = 0; dim < dims; dim += 4) {
    int32_t four;
    __builtin_memcpy(&four, query + dim, sizeof(four));
    const __m512i values = _mm512_set1_epi32(four);
    _Pragma("GCC unroll 8") for (int g = 0; g < kGroups; ++g) {
      const __m512i x = _mm512_loadu_si512(rows[g] + dim * kInt8PackedRows);
      sums[g] = AddProducts(sums[g], values, x);
    }
  }
  _Pragma("GCC unroll 8") for (int g = 0; g < kGroups; ++g) {
    _mm512_storeu_si512(out + g * kInt8PackedRows, _mm512_sub_epi32(sums[g], excess));
  }
}

}  // namespace

TFSCANN_AVX512 void Int8DotGatheredAvx512(const int8_t* query, const int8_t* matrix,
                                          int64_t row_stride, const int32_t* rows, int64_t num_rows,
                                          int64_t dims, int32_t* out) {
  const __m128i excess = _mm_set1_epi32(Excess(query, dims));
  int64_t i = 0;
  for (; i + 4 <= num_rows; i += 4) {
    DotFourRows(query, matrix, row_stride, rows + i, dims, excess, out + i);
  }
  if (i == num_rows) return;
  // The last row stands in for those that are missing.
  int32_t last_rows[4], last_dots[4];
  for (int64_t j = 0; j < 4; ++j) last_rows[j] = rows[i + j < num_rows ? i + j : num_rows - 1];
  DotFourRows(query, matrix, row_stride, last_rows, dims, excess, last_dots);
  for (int64_t j = 0; i + j < num_rows; ++j) out[i + j] = last_dots[j];
}

TFSCANN_AVX512 void Int8DotPackedAvx512(const int8_t* query, const int8_t* packed,
                                        const int32_t* groups, int64_t num_groups, int64_t dims,
                                        int32_t* out) {
  const __m512i excess = _mm512_set1_epi32(Excess(query, dims));
  int64_t i = 0;
  for (; i + 4 <= num_groups; i += 4) {
    DotGroups<4>(query, packed, groups + i, dims, excess, out + i * kInt8PackedRows);
  }
  for (; i < num_groups; ++i) {
    DotGroups<1>(query, packed, groups + i, dims, excess, out + i * kInt8PackedRows);
  }
}

}  // namespace tfscann
