// The float kernels for Target::kAvx512.
#include <cstdint>

#include "cc/kernels/avx512.h"
#include "cc/kernels/targets_internal.h"

#define TFSCANN_TARGET_NAMESPACE avx512_target
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma")
#endif

namespace tfscann {
namespace TFSCANN_TARGET_NAMESPACE {
constexpr int kWidth = 16;  // floats in a register
// Rows of a MultiplyTile: their sums and one column fit in the registers.
constexpr int kMultiplyRows = 12;

// What vector types cannot say, for float_inl.h.
template <typename Int>
static inline uint32_t SignMask(Int lanes) {
  return _mm512_movepi32_mask((__m512i)lanes);
}
template <typename Int>
static inline void StoreAsBytes(uint8_t* to, const Int* lanes) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8((__m512i)lanes[0]));
}
// Writes first + i for each bit i of a mask of 16, in order, and up to 16 in all; returns how many.
static inline int64_t WriteIndices(uint32_t mask, int32_t first, int32_t* out) {
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i indices = _mm512_add_epi32(_mm512_set1_epi32(first), lanes);
  _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(static_cast<__mmask16>(mask), indices));
  return __builtin_popcount(mask);
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

void AddFloatKernelsAvx512(Kernels* kernels) { TFSCANN_TARGET_NAMESPACE::AddFloatKernels(kernels); }

}  // namespace tfscann
