// What the SIMD lut16 kernels share: asking for the codes ahead, writing out the candidates that
// passed the threshold.
#ifndef TFSCANN_KERNELS_LUT16_HITS_H_
#define TFSCANN_KERNELS_LUT16_HITS_H_

#include "cc/kernels/kernels.h"

// Always inlined: see float_inl.h.
#define TFSCANN_LUT16_INLINE static inline __attribute__((always_inline))
#define TFSCANN_UNROLL _Pragma("GCC unroll 16")

namespace tfscann {

// Asks for as many bytes ahead as a group has.
TFSCANN_LUT16_INLINE void PrefetchGroup(const Lut16Scan& scan, int64_t group) {
  const int64_t bytes = scan.num_pairs * kLut16PairBytes;
  const char* ahead = reinterpret_cast<const char*>(scan.prefetch) + group * bytes;
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(ahead + i, 0, 2);
}

// Writes the hits of one group, bit i of `mask` standing for the candidate with sum `sums[i]`.
template <typename Sum>
TFSCANN_LUT16_INLINE void WriteHits(const Lut16Scan& scan, int64_t group, const Sum* sums,
                                    uint32_t mask, Lut16Query* query) {
  const uint32_t first = scan.first_position + static_cast<uint32_t>(group * kLut16Group);
  uint64_t* out = query->hits;
  for (; mask != 0; mask &= mask - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(mask));
    const uint32_t key = query->key_offset + static_cast<uint32_t>(sums[i]);
    *out++ = uint64_t{key} << 32 | static_cast<uint32_t>(~(first + i));
  }
  query->hits = out;
}

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_LUT16_HITS_H_
