// Lanes that a mask selects, moved to the front: what AVX-512 has an instruction for.
#ifndef TFSCANN_KERNELS_COMPRESS_AVX2_H_
#define TFSCANN_KERNELS_COMPRESS_AVX2_H_

#include <immintrin.h>

#include <cstdint>

namespace tfscann {

// For each byte: the pattern by which _mm_shuffle_epi8 moves the words whose bits are set to the
// front, in order; and the numbers of those bits. Anything behind them.
struct SetBits {
  alignas(64) uint8_t words[256][16];
  alignas(64) uint8_t numbers[256][8];
  constexpr SetBits() : words(), numbers() {
    for (int byte = 0; byte < 256; ++byte) {
      int count = 0;
      for (int bit = 0; bit < 8; ++bit) {
        if ((byte >> bit) % 2 == 0) continue;
        words[byte][2 * count] = static_cast<uint8_t>(2 * bit);
        words[byte][2 * count + 1] = static_cast<uint8_t>(2 * bit + 1);
        numbers[byte][count++] = static_cast<uint8_t>(bit);
      }
    }
  }
};
inline constexpr SetBits kSetBits;

#define TFSCANN_COMPRESS_INLINE \
  static inline __attribute__((always_inline, target("avx2,fma,bmi,popcnt")))

// The words in the lanes that a mask below 256 selects.
TFSCANN_COMPRESS_INLINE __m128i TakeWords(__m128i words, uint32_t mask) {
  return _mm_shuffle_epi8(words,
                          _mm_load_si128(reinterpret_cast<const __m128i*>(kSetBits.words[mask])));
}

// The double words in those lanes.
TFSCANN_COMPRESS_INLINE __m256i TakeDoubleWords(__m256i double_words, uint32_t mask) {
  const __m128i numbers = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kSetBits.numbers[mask]));
  return _mm256_permutevar8x32_epi32(double_words, _mm256_cvtepu8_epi32(numbers));
}

#undef TFSCANN_COMPRESS_INLINE

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_COMPRESS_AVX2_H_
