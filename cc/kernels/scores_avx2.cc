#include <immintrin.h>

#include "cc/kernels/targets_internal.h"

#define TFSCANN_AVX2 __attribute__((target("avx2,fma,bmi,popcnt")))

namespace tfscann {

TFSCANN_AVX2 uint16_t BoundOfScoresAvx2(const uint16_t* scores, int64_t count, int64_t rank) {
  uint32_t bound = 0;
  for (uint32_t bit = 1u << 15; bit != 0; bit >>= 1) {
    const __m256i tried = _mm256_set1_epi16(static_cast<int16_t>(bound | bit));
    int64_t reached = 0;
    for (int64_t i = 0; i < count; i += 16) {
      const __m256i lot = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(scores + i));
      // There is no comparison of unsigned words but this one.
      const __m256i reaches = _mm256_cmpeq_epi16(_mm256_max_epu16(lot, tried), lot);
      reached += __builtin_popcount(static_cast<uint32_t>(_mm256_movemask_epi8(reaches)));
    }
    reached /= 2;
    if (reached >= rank) bound |= bit;
    if (reached == rank) break;
  }
  return static_cast<uint16_t>(bound);
}

}  // namespace tfscann
