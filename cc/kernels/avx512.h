// The AVX-512 intrinsics, for *_avx512.cc only. With TFSCANN_EMULATE_AVX512 the same source is
// compiled against SIMDe's portable versions of them, so that its tests run on any CPU.
#ifndef TFSCANN_KERNELS_AVX512_H_
#define TFSCANN_KERNELS_AVX512_H_

#if defined(TFSCANN_EMULATE_AVX512)
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#define TFSCANN_AVX512

// What SIMDe 0.7.4 lacks.
typedef simde__mmask64 __mmask64;
#ifndef _mm512_maskz_loadu_epi8
static inline __m512i EmulatedMaskzLoaduEpi8(__mmask64 mask, const void* from) {
  unsigned char bytes[64];
  for (int i = 0; i < 64; ++i) {
    bytes[i] = mask >> i & 1 ? static_cast<const unsigned char*>(from)[i] : 0;
  }
  return _mm512_loadu_si512(bytes);
}
#define _mm512_maskz_loadu_epi8 EmulatedMaskzLoaduEpi8
#endif
#ifndef _mm512_reduce_add_epi32
static inline int EmulatedReduceAddEpi32(__m512i v) {
  int lanes[16];
  _mm512_storeu_si512(lanes, v);
  int sum = 0;
  for (int i = 0; i < 16; ++i) sum += lanes[i];
  return sum;
}
#define _mm512_reduce_add_epi32 EmulatedReduceAddEpi32
#endif
#else
// GCC 12's own headers start from undefined registers, and say so wherever they are inlined.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#define TFSCANN_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vnni")))
#endif

#endif  // TFSCANN_KERNELS_AVX512_H_
