#include <immintrin.h>

#include "cc/kernels/lut16_hits.h"
#include "cc/kernels/targets_internal.h"

#define TFSCANN_AVX2 __attribute__((target("avx2,fma,bmi")))
#define TFSCANN_INLINE static inline __attribute__((always_inline))

namespace tfscann {
namespace {

// Running 16-bit sums of the bytes of vectors: `all` has even bytes plus 256 times odd ones (mod
// 2^16), `odd` the odd ones.
struct ByteSums {
  __m256i all;
  __m256i odd;
};

TFSCANN_AVX2 TFSCANN_INLINE void AddBytes(ByteSums* sums, __m256i bytes) {
  sums->all = _mm256_add_epi16(sums->all, bytes);
  sums->odd = _mm256_add_epi16(sums->odd, _mm256_srli_epi16(bytes, 8));
}

// The sums of 16 candidates in order: the two halves hold different blocks, the even bytes
// candidates 0-7 and the odd bytes candidates 8-15.
TFSCANN_AVX2 TFSCANN_INLINE __m256i CandidateSums(const ByteSums& sums) {
  const __m256i even = _mm256_sub_epi16(sums.all, _mm256_slli_epi16(sums.odd, 8));
  const __m256i low = _mm256_permute2x128_si256(even, sums.odd, 0x20);
  const __m256i high = _mm256_permute2x128_si256(even, sums.odd, 0x31);
  return _mm256_add_epi16(low, high);
}

TFSCANN_AVX2 TFSCANN_INLINE __m256i Load(const uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

}  // namespace

TFSCANN_AVX2 int64_t Lut16ScanAvx2(const Lut16Scan& scan, uint64_t* out) {
  const __m256i nibble = _mm256_set1_epi8(15);
  // Sums fit in 15 bits, so a signed comparison will do.
  const __m256i below = _mm256_set1_epi16(static_cast<int16_t>(scan.threshold - 1));
  uint64_t* end = out;
  const uint8_t* codes = scan.codes;
  for (int64_t group = 0; group < scan.num_groups; ++group) {
    ByteSums low = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    ByteSums high = low;
    const uint8_t* table = scan.table;
    int64_t pair = 0;
    // Two entries of at most 127 add up in a byte.
    for (; pair + 2 <= scan.num_pairs; pair += 2, codes += 64, table += 64) {
      const __m256i c0 = Load(codes), c1 = Load(codes + 32);
      const __m256i t0 = Load(table), t1 = Load(table + 32);
      AddBytes(&low, _mm256_add_epi8(_mm256_shuffle_epi8(t0, _mm256_and_si256(c0, nibble)),
                                     _mm256_shuffle_epi8(t1, _mm256_and_si256(c1, nibble))));
      const __m256i h0 = _mm256_and_si256(_mm256_srli_epi16(c0, 4), nibble);
      const __m256i h1 = _mm256_and_si256(_mm256_srli_epi16(c1, 4), nibble);
      AddBytes(&high, _mm256_add_epi8(_mm256_shuffle_epi8(t0, h0), _mm256_shuffle_epi8(t1, h1)));
    }
    if (pair < scan.num_pairs) {
      const __m256i c0 = Load(codes), t0 = Load(table);
      AddBytes(&low, _mm256_shuffle_epi8(t0, _mm256_and_si256(c0, nibble)));
      const __m256i h0 = _mm256_and_si256(_mm256_srli_epi16(c0, 4), nibble);
      AddBytes(&high, _mm256_shuffle_epi8(t0, h0));
      codes += 32;
    }
    const __m256i sums[2] = {CandidateSums(low), CandidateSums(high)};
    const __m256i kept =
        _mm256_packs_epi16(_mm256_cmpgt_epi16(sums[0], below), _mm256_cmpgt_epi16(sums[1], below));
    // packs interleaves the halves of its arguments: 0-7, 16-23, 8-15, 24-31.
    const uint32_t mask = static_cast<uint32_t>(
        _mm256_movemask_epi8(_mm256_permute4x64_epi64(kept, _MM_SHUFFLE(3, 1, 2, 0))));
    if (mask == 0) continue;
    alignas(32) uint16_t values[kLut16Group];
    _mm256_store_si256(reinterpret_cast<__m256i*>(values), sums[0]);
    _mm256_store_si256(reinterpret_cast<__m256i*>(values + 16), sums[1]);
    end = WriteHits(scan, group, values, mask, end);
  }
  return end - out;
}

}  // namespace tfscann
