// The AVX-512 intrinsics, for *_avx512.cc only. With TFSCANN_EMULATE_AVX512 the same source is
// compiled against SIMDe's portable versions of them, so that its tests run on any CPU.
#ifndef TFSCANN_KERNELS_AVX512_H_
#define TFSCANN_KERNELS_AVX512_H_

#if defined(TFSCANN_EMULATE_AVX512)
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#define TFSCANN_AVX512

// What SIMDe 0.7.4 lacks.
#ifndef _mm512_maskz_compress_epi16
static inline __m512i EmulatedMaskzCompressEpi16(unsigned int mask, __m512i v) {
  short lanes[32], kept[32] = {0};
  _mm512_storeu_si512(lanes, v);
  int count = 0;
  for (int i = 0; i < 32; ++i) {
    if (mask >> i & 1) kept[count++] = lanes[i];
  }
  return _mm512_loadu_si512(kept);
}
#define _mm512_maskz_compress_epi16 EmulatedMaskzCompressEpi16
#endif
#ifndef _mm512_cvtepu16_epi32
static inline __m512i EmulatedCvtepu16Epi32(__m256i v) {
  unsigned short lanes[16];
  unsigned int widened[16];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), v);
  for (int i = 0; i < 16; ++i) widened[i] = lanes[i];
  return _mm512_loadu_si512(widened);
}
#define _mm512_cvtepu16_epi32 EmulatedCvtepu16Epi32
#endif
#ifndef _mm512_zextsi256_si512
#define _mm512_zextsi256_si512(v) _mm512_inserti64x4(_mm512_setzero_si512(), v, 0)
#endif

// SIMDe adds lanes as signed numbers, whose overflow is undefined.
template <typename Lane>
static inline __m512i EmulatedAdd(__m512i a, __m512i b) {
  constexpr int kLanes = 64 / sizeof(Lane);
  Lane x[kLanes], y[kLanes];
  _mm512_storeu_si512(x, a);
  _mm512_storeu_si512(y, b);
  for (int i = 0; i < kLanes; ++i) x[i] = static_cast<Lane>(x[i] + y[i]);
  return _mm512_loadu_si512(x);
}
#undef _mm512_add_epi8
#undef _mm512_add_epi16
#undef _mm512_add_epi32
#define _mm512_add_epi8 EmulatedAdd<unsigned char>
#define _mm512_add_epi16 EmulatedAdd<unsigned short>
#define _mm512_add_epi32 EmulatedAdd<unsigned int>
#else
#if !defined(__clang__)
// GCC 12's own headers start from undefined registers, and say so wherever they are inlined.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#define TFSCANN_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512vnni")))
#endif

#endif  // TFSCANN_KERNELS_AVX512_H_
