// The float kernels for Target::kAvx2.
#include <immintrin.h>

#include <cstdint>

#include "cc/kernels/targets_internal.h"

#define TFSCANN_TARGET_NAMESPACE avx2_target
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace tfscann {
namespace TFSCANN_TARGET_NAMESPACE {
constexpr int kWidth = 8;  // floats in a register
// Rows of a MultiplyTile: their sums and one column fit in the registers.
constexpr int kMultiplyRows = 6;

// What vector types cannot say, for float_inl.h.
template <typename Int>
static inline uint32_t SignMask(Int lanes) {
  return static_cast<uint32_t>(_mm256_movemask_ps((__m256)lanes));
}
template <typename Int>
static inline void StoreAsBytes(uint8_t* to, const Int* lanes) {
  const __m256i words = _mm256_permute4x64_epi64(
      _mm256_packs_epi32((__m256i)lanes[0], (__m256i)lanes[1]), _MM_SHUFFLE(3, 1, 2, 0));
  _mm_storeu_si128(
      reinterpret_cast<__m128i*>(to),
      _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}
// Writes first + i for each bit i of a mask of 16, in order; returns how many.
static inline int64_t WriteIndices(uint32_t mask, int32_t first, int32_t* out) {
  int64_t count = 0;
  for (; mask != 0; mask &= mask - 1) out[count++] = first + __builtin_ctz(mask);
  return count;
}
}  // namespace TFSCANN_TARGET_NAMESPACE
}  // namespace tfscann
#include "cc/kernels/float_inl.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace tfscann {

void AddFloatKernelsAvx2(Kernels* kernels) { TFSCANN_TARGET_NAMESPACE::AddFloatKernels(kernels); }

}  // namespace tfscann
