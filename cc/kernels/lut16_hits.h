// What the lut16 kernels share: asking for the codes ahead, writing out the hits of a group.
#ifndef TFSCANN_KERNELS_LUT16_HITS_H_
#define TFSCANN_KERNELS_LUT16_HITS_H_

#include "cc/kernels/kernels.h"

// Always inlined: see float_inl.h.
#define TFSCANN_LUT16_INLINE static inline __attribute__((always_inline))
#define TFSCANN_UNROLL _Pragma("GCC unroll 16")

namespace tfscann {

// Bit i says that a group has a candidate i.
TFSCANN_LUT16_INLINE uint32_t CandidatesOf(const Lut16Codes& group) {
  return static_cast<uint32_t>((uint64_t{1} << group.num_candidates) - 1);
}

// Asks for what will be scanned a while after a group.
TFSCANN_LUT16_INLINE void PrefetchAhead(const Lut16Scan& scan, int64_t group) {
  if (group + kLut16GroupsAhead >= scan.num_listed) return;
  const uint8_t* const codes = scan.groups[group + kLut16GroupsAhead].codes;
  const int64_t bytes = scan.num_pairs * kLut16PairBytes;
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(codes + i, 0, 2);
}

// Writes the hits of one group, bit i of `mask` standing for the candidate with score `scores[i]`.
TFSCANN_LUT16_INLINE void WriteHits(int64_t group, const uint16_t* scores, uint32_t mask,
                                    Lut16Query* query) {
  int64_t count = query->num_hits;
  for (; mask != 0; mask &= mask - 1, ++count) {
    const int i = __builtin_ctz(mask);
    query->scores[count] = scores[i];
    query->places[count] = static_cast<uint16_t>(group * kLut16Group + i);
  }
  query->num_hits = count;
}

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_LUT16_HITS_H_
