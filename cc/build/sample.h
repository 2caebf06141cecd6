// Choosing rows at random.
#ifndef TFSCANN_BUILD_SAMPLE_H_
#define TFSCANN_BUILD_SAMPLE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/base/random.h"

namespace tfscann {

// min(count, population) different numbers below `population`, ascending (Knuth, "The Art of
// Computer Programming" vol. 2, algorithm S).
inline std::vector<int64_t> SampleSorted(int64_t population, int64_t count, uint64_t seed,
                                         uint64_t stage, uint64_t item = 0) {
  Random random(seed, stage, item);
  std::vector<int64_t> sample;
  if (count > population) count = population;
  sample.reserve(count);
  for (int64_t i = 0; static_cast<int64_t>(sample.size()) < count; ++i) {
    const int64_t missing = count - static_cast<int64_t>(sample.size());
    if (static_cast<int64_t>(random.Below(population - i)) < missing) sample.push_back(i);
  }
  return sample;
}

// `count` numbers below weights.size(), ascending, each as often as its weight says, rounded up or
// down (systematic sampling). Weights are positive.
inline std::vector<int64_t> SampleByWeight(const std::vector<float>& weights, int64_t count,
                                           uint64_t seed, uint64_t stage) {
  double sum = 0;
  for (const float weight : weights) sum += weight;
  const double step = sum / static_cast<double>(count);
  double next = Random(seed, stage, 0).Uniform() * step;
  std::vector<int64_t> sample;
  sample.reserve(count);
  double reached = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(weights.size()); ++i) {
    reached += weights[i];
    for (; next < reached; next += step) sample.push_back(i);
  }
  return sample;
}

// The rows with these numbers, one after the other.
inline std::vector<float> GatherRows(MatrixView<const float> rows,
                                     const std::vector<int64_t>& which) {
  std::vector<float> gathered(which.size() * rows.cols());
  float* to = gathered.data();
  for (const int64_t row : which) to = std::copy_n(rows.row(row), rows.cols(), to);
  return gathered;
}

}  // namespace tfscann

#endif  // TFSCANN_BUILD_SAMPLE_H_
