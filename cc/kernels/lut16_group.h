// What the lut16 kernels share: a group's candidates, asking for the codes ahead.
#ifndef TFSCANN_KERNELS_LUT16_GROUP_H_
#define TFSCANN_KERNELS_LUT16_GROUP_H_

#include "cc/kernels/kernels.h"

// Always inlined: see float_inl.h.
#define TFSCANN_LUT16_INLINE static inline __attribute__((always_inline))
#define TFSCANN_UNROLL _Pragma("GCC unroll 16")

namespace tfscann {

// Bit i says that a group has a candidate i.
TFSCANN_LUT16_INLINE uint32_t CandidatesOf(const Lut16Codes& group) {
  return static_cast<uint32_t>((uint64_t{1} << group.num_candidates) - 1);
}

TFSCANN_LUT16_INLINE const uint8_t* ScalesOf(const Lut16Scan& scan, const Lut16Codes& group) {
  return scan.scales + group.first_position;
}

// Asks for what will be scanned a while after a group.
TFSCANN_LUT16_INLINE void PrefetchAhead(const Lut16Scan& scan, int64_t group) {
  if (group + kLut16GroupsAhead >= scan.num_listed) return;
  const Lut16Codes& ahead = scan.groups[group + kLut16GroupsAhead];
  const int64_t bytes = scan.num_pairs * kLut16PairBytes;
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(ahead.codes + i, 0, 2);
  __builtin_prefetch(ScalesOf(scan, ahead), 0, 2);
}

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_LUT16_GROUP_H_
