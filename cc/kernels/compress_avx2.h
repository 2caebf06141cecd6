// Lanes that a mask selects, moved to the front: what AVX-512 has an instruction for.
#ifndef TFSCANN_KERNELS_COMPRESS_AVX2_H_
#define TFSCANN_KERNELS_COMPRESS_AVX2_H_

#include <immintrin.h>

#include <cstdint>

namespace tfscann {

// The numbers of the bits that are set in each byte, in order, and anything behind them.
struct SetBits {
  alignas(64) uint8_t numbers[256][8];
  constexpr SetBits() : numbers() {
    for (int byte = 0; byte < 256; ++byte) {
      int count = 0;
      for (int bit = 0; bit < 8; ++bit) {
        if ((byte >> bit) % 2 != 0) numbers[byte][count++] = static_cast<uint8_t>(bit);
      }
    }
  }
};
inline constexpr SetBits kSetBits;

#define TFSCANN_COMPRESS_INLINE \
  static inline __attribute__((always_inline, target("avx2,fma,bmi,popcnt")))

// The numbers of the lanes as words; mask < 256.
TFSCANN_COMPRESS_INLINE __m128i SelectedLanes(uint32_t mask) {
  const __m128i numbers = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kSetBits.numbers[mask]));
  return _mm_cvtepu8_epi16(numbers);
}

// The words in those lanes.
TFSCANN_COMPRESS_INLINE __m128i TakeWords(__m128i words, __m128i lanes) {
  // Word i is bytes 2 i and 2 i + 1.
  const __m128i bytes =
      _mm_add_epi16(_mm_mullo_epi16(lanes, _mm_set1_epi16(0x0202)), _mm_set1_epi16(0x0100));
  return _mm_shuffle_epi8(words, bytes);
}

// The double words in those lanes.
TFSCANN_COMPRESS_INLINE __m256i TakeDoubleWords(__m256i double_words, __m128i lanes) {
  return _mm256_permutevar8x32_epi32(double_words, _mm256_cvtepu16_epi32(lanes));
}

#undef TFSCANN_COMPRESS_INLINE

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_COMPRESS_AVX2_H_
