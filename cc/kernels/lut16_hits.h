// What the SIMD lut16 kernels share: writing out the candidates that passed the threshold.
#ifndef TFSCANN_KERNELS_LUT16_HITS_H_
#define TFSCANN_KERNELS_LUT16_HITS_H_

#include "cc/kernels/kernels.h"

namespace tfscann {

// Writes the hits of one group, bit i of `mask` standing for the candidate with sum `sums[i]`.
// Returns the end of what was written. Always inlined: see float_inl.h.
template <typename Sum>
static inline __attribute__((always_inline)) uint64_t* WriteHits(const Lut16Scan& scan,
                                                                 int64_t group, const Sum* sums,
                                                                 uint32_t mask, uint64_t* out) {
  const uint32_t first = scan.first_position + static_cast<uint32_t>(group * kLut16Group);
  for (; mask != 0; mask &= mask - 1) {
    const uint32_t i = static_cast<uint32_t>(__builtin_ctz(mask));
    const uint32_t key = scan.key_offset + static_cast<uint32_t>(sums[i]);
    *out++ = uint64_t{key} << 32 | static_cast<uint32_t>(~(first + i));
  }
  return out;
}

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_LUT16_HITS_H_
