// What the lut16 kernels share: asking for the codes ahead, writing out the hits of a group.
#ifndef TFSCANN_KERNELS_LUT16_HITS_H_
#define TFSCANN_KERNELS_LUT16_HITS_H_

#include "cc/kernels/kernels.h"

// Always inlined: see float_inl.h.
#define TFSCANN_LUT16_INLINE static inline __attribute__((always_inline))
#define TFSCANN_UNROLL _Pragma("GCC unroll 16")

namespace tfscann {

TFSCANN_LUT16_INLINE int64_t NumGroups(const Lut16Scan& scan) {
  return (scan.num_candidates + kLut16Group - 1) / kLut16Group;
}

// Bit i says that a group has a candidate i.
TFSCANN_LUT16_INLINE uint32_t CandidatesOf(const Lut16Scan& scan, int64_t group) {
  const int64_t count = scan.num_candidates - group * kLut16Group;
  return count >= kLut16Group ? ~0u : (1u << count) - 1;
}

// Asks for a group's share of what will be scanned later.
TFSCANN_LUT16_INLINE void PrefetchGroup(const Lut16Scan& scan, int64_t group) {
  const int64_t bytes = scan.prefetch_bytes;
  const char* ahead = reinterpret_cast<const char*>(scan.prefetch) + group * bytes;
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(ahead + i, 0, 2);
}

// Writes the hits of one group, bit i of `mask` standing for the candidate with sum `sums[i]`.
TFSCANN_LUT16_INLINE void WriteHits(int64_t group, const uint16_t* sums, uint32_t mask,
                                    Lut16Query* query) {
  int64_t count = query->num_hits;
  for (; mask != 0; mask &= mask - 1, ++count) {
    const int i = __builtin_ctz(mask);
    query->scores[count] = static_cast<uint16_t>(query->score_offset + sums[i]);
    query->places[count] = static_cast<uint16_t>(group * kLut16Group + i);
  }
  query->num_hits = count;
}

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_LUT16_HITS_H_
