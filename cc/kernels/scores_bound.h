// The search for a bound of scores, which is the same for all targets: they differ in how they
// count.
#ifndef TFSCANN_KERNELS_SCORES_BOUND_H_
#define TFSCANN_KERNELS_SCORES_BOUND_H_

#include <cstdint>

namespace tfscann {

// See Kernels::bound_of_scores. kCountFrom says how many of the scores reach a threshold.
template <int64_t (*kCountFrom)(const uint16_t* scores, int64_t count, uint32_t threshold)>
uint16_t BisectScores(const uint16_t* scores, int64_t count, int64_t rank, int64_t most,
                      uint32_t lowest, uint32_t largest) {
  // At least `rank` scores reach `bound`; fewer reach `end`.
  uint32_t bound = lowest, end = largest + 1;
  while (end - bound > 1) {
    const uint32_t middle = bound + (end - bound) / 2;
    const int64_t reached = kCountFrom(scores, count, middle);
    if (reached < rank) {
      end = middle;
      continue;
    }
    bound = middle;
    if (reached <= most) break;
  }
  return static_cast<uint16_t>(bound);
}

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_SCORES_BOUND_H_
