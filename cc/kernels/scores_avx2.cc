#include <immintrin.h>

#include "cc/kernels/compress_avx2.h"
#include "cc/kernels/scores_bound.h"
#include "cc/kernels/targets_internal.h"

#define TFSCANN_AVX2 __attribute__((target("avx2,fma,bmi,popcnt")))

namespace tfscann {

namespace {

TFSCANN_AVX2 __m256i Load(const uint16_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

TFSCANN_AVX2 int64_t CountFrom(const uint16_t* scores, int64_t count, uint32_t threshold) {
  const __m256i tried = _mm256_set1_epi16(static_cast<int16_t>(threshold));
  int64_t reached = 0;
  for (int64_t i = 0; i < count; i += 16) {
    const __m256i lot = Load(scores + i);
    // There is no comparison of unsigned words but this one.
    const __m256i reaches = _mm256_cmpeq_epi16(_mm256_max_epu16(lot, tried), lot);
    reached += __builtin_popcount(static_cast<uint32_t>(_mm256_movemask_epi8(reaches)));
  }
  return reached / 2;
}

TFSCANN_AVX2 uint16_t Largest(const uint16_t* scores, int64_t count) {
  __m256i largest = Load(scores);
  for (int64_t i = 16; i < count; i += 16) largest = _mm256_max_epu16(largest, Load(scores + i));
  const __m128i eight =
      _mm_max_epu16(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
  // The smallest of the complements.
  const __m128i smallest = _mm_minpos_epu16(_mm_xor_si128(eight, _mm_set1_epi16(-1)));
  return static_cast<uint16_t>(~_mm_extract_epi16(smallest, 0));
}

}  // namespace

TFSCANN_AVX2 uint16_t BoundOfScoresAvx2(const uint16_t* scores, int64_t count, int64_t rank,
                                        int64_t most, uint16_t lowest) {
  return BisectScores<CountFrom>(scores, count, rank, most, lowest, Largest(scores, count));
}

TFSCANN_AVX2 int64_t KeepScoresAtLeastAvx2(uint16_t* scores, uint32_t* positions, int64_t count,
                                           uint16_t threshold) {
  const __m128i limit = _mm_set1_epi16(static_cast<int16_t>(threshold));
  int64_t kept = 0;
  for (int64_t i = 0; i < count; i += 8) {
    const __m128i lot = _mm_loadu_si128(reinterpret_cast<const __m128i*>(scores + i));
    const __m256i lot_positions =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(positions + i));
    const __m128i reaches = _mm_cmpeq_epi16(_mm_max_epu16(lot, limit), lot);
    const uint32_t present = count - i >= 8 ? 255 : (1u << (count - i)) - 1;
    const uint32_t mask =
        static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(reaches, _mm_setzero_si128()))) &
        present;
    // What is written ends no later than what has been read.
    _mm_storeu_si128(reinterpret_cast<__m128i*>(scores + kept), TakeWords(lot, mask));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(positions + kept),
                        TakeDoubleWords(lot_positions, mask));
    kept += __builtin_popcount(mask);
  }
  return kept;
}

TFSCANN_AVX2 void ShiftPlacesAvx2(const uint16_t* places, int64_t count, const uint32_t* shifts,
                                  uint32_t* positions) {
  static_assert(kLut16MaxGroups == 16 && kLut16Group == 32);
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(shifts));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(shifts + 8));
  for (int64_t i = 0; i < count; i += 8) {
    const __m256i lot =
        _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(places + i)));
    const __m256i group = _mm256_srli_epi32(lot, 5);  // permutations heed three bits of it
    const __m256i is_high = _mm256_cmpgt_epi32(group, _mm256_set1_epi32(7));
    const __m256i shift = _mm256_blendv_epi8(_mm256_permutevar8x32_epi32(low, group),
                                             _mm256_permutevar8x32_epi32(high, group), is_high);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(positions + i), _mm256_add_epi32(lot, shift));
  }
}

}  // namespace tfscann
