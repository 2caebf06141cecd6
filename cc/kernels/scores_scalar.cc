#include "cc/kernels/targets_internal.h"

namespace tfscann {

// A bit of the threshold at a time, as its twins.
uint16_t BoundOfScoresScalar(const uint16_t* scores, int64_t count, int64_t rank) {
  uint32_t bound = 0;
  for (uint32_t bit = 1u << 15; bit != 0; bit >>= 1) {
    const uint32_t tried = bound | bit;
    int64_t reached = 0;
    for (int64_t i = 0; i < count; ++i) reached += scores[i] >= tried;
    if (reached >= rank) bound = tried;
    if (reached == rank) break;
  }
  return static_cast<uint16_t>(bound);
}

int64_t KeepScoresAtLeastScalar(uint16_t* scores, uint32_t* positions, int64_t count,
                                uint16_t threshold) {
  int64_t kept = 0;
  for (int64_t i = 0; i < count; ++i) {
    const uint16_t score = scores[i];
    scores[kept] = score;
    positions[kept] = positions[i];
    kept += score >= threshold;
  }
  return kept;
}

}  // namespace tfscann
