#include <algorithm>

#include "cc/kernels/scores_bound.h"
#include "cc/kernels/targets_internal.h"

namespace tfscann {

namespace {

int64_t CountFrom(const uint16_t* scores, int64_t count, uint32_t threshold) {
  int64_t reached = 0;
  for (int64_t i = 0; i < count; ++i) reached += scores[i] >= threshold;
  return reached;
}

}  // namespace

uint16_t BoundOfScoresScalar(const uint16_t* scores, int64_t count, int64_t rank, int64_t most,
                             uint16_t lowest) {
  const uint16_t largest = *std::max_element(scores, scores + count);
  return BisectScores<CountFrom>(scores, count, rank, most, lowest, largest);
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

void ShiftPlacesScalar(const uint16_t* places, int64_t count, const uint32_t* shifts,
                       uint32_t* positions) {
  for (int64_t i = 0; i < count; ++i) positions[i] = places[i] + shifts[places[i] / kLut16Group];
}

}  // namespace tfscann
