#include "cc/kernels/avx512.h"
#include "cc/kernels/scores_bound.h"
#include "cc/kernels/targets_internal.h"

namespace tfscann {

namespace {

TFSCANN_AVX512 int64_t CountFrom(const uint16_t* scores, int64_t count, uint32_t threshold) {
  const __m512i tried = _mm512_set1_epi16(static_cast<int16_t>(threshold));
  int64_t reached = 0;
  for (int64_t i = 0; i < count; i += 32) {
    reached += __builtin_popcount(_mm512_cmpge_epu16_mask(_mm512_loadu_si512(scores + i), tried));
  }
  return reached;
}

TFSCANN_AVX512 uint16_t Largest(const uint16_t* scores, int64_t count) {
  __m512i largest = _mm512_loadu_si512(scores);
  for (int64_t i = 32; i < count; i += 32) {
    largest = _mm512_max_epu16(largest, _mm512_loadu_si512(scores + i));
  }
  uint16_t lanes[32];
  _mm512_storeu_si512(lanes, largest);
  uint16_t best = 0;
  for (const uint16_t lane : lanes) best = lane > best ? lane : best;
  return best;
}

}  // namespace

TFSCANN_AVX512 uint16_t BoundOfScoresAvx512(const uint16_t* scores, int64_t count, int64_t rank,
                                            int64_t most, uint16_t lowest) {
  return BisectScores<CountFrom>(scores, count, rank, most, lowest, Largest(scores, count));
}

TFSCANN_AVX512 int64_t KeepScoresAtLeastAvx512(uint16_t* scores, uint32_t* positions, int64_t count,
                                               uint16_t threshold) {
  const __m512i limit = _mm512_set1_epi16(static_cast<int16_t>(threshold));
  int64_t kept = 0;
  for (int64_t i = 0; i < count; i += 32) {
    const __m512i lot = _mm512_loadu_si512(scores + i);
    const __m512i low = _mm512_loadu_si512(positions + i);
    const __m512i high = _mm512_loadu_si512(positions + i + 16);
    const uint32_t present = count - i >= 32 ? ~0u : (1u << (count - i)) - 1;
    const uint32_t mask = _mm512_cmpge_epu16_mask(lot, limit) & present;
    const uint16_t low_mask = static_cast<uint16_t>(mask);
    const uint16_t high_mask = static_cast<uint16_t>(mask >> 16);
    // What is written ends no later than what has been read.
    _mm512_storeu_si512(scores + kept, _mm512_maskz_compress_epi16(mask, lot));
    _mm512_storeu_si512(positions + kept, _mm512_maskz_compress_epi32(low_mask, low));
    kept += __builtin_popcount(low_mask);
    _mm512_storeu_si512(positions + kept, _mm512_maskz_compress_epi32(high_mask, high));
    kept += __builtin_popcount(high_mask);
  }
  return kept;
}

TFSCANN_AVX512 void ShiftPlacesAvx512(const uint16_t* places, int64_t count, const uint32_t* shifts,
                                      uint32_t* positions) {
  static_assert(kLut16MaxGroups == 16 && kLut16Group == 32);
  const __m512i of_groups = _mm512_loadu_si512(shifts);
  for (int64_t i = 0; i < count; i += 16) {
    const __m512i lot =
        _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(places + i)));
    const __m512i shift = _mm512_permutexvar_epi32(_mm512_srli_epi32(lot, 5), of_groups);
    _mm512_storeu_si512(positions + i, _mm512_add_epi32(lot, shift));
  }
}

}  // namespace tfscann
