// The AVX-512 intrinsics, for *_avx512.cc only. With TFSCANN_EMULATE_AVX512 the same source is
// compiled against SIMDe's portable versions of them, so that its tests run on any CPU.
#ifndef TFSCANN_KERNELS_AVX512_H_
#define TFSCANN_KERNELS_AVX512_H_

#if defined(TFSCANN_EMULATE_AVX512)
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#define TFSCANN_AVX512
#else
// GCC 12's own headers start from undefined registers, and say so wherever they are inlined.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#define TFSCANN_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vnni")))
#endif

#endif  // TFSCANN_KERNELS_AVX512_H_
