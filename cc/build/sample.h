// Choosing rows at random.
#ifndef TFSCANN_BUILD_SAMPLE_H_
#define TFSCANN_BUILD_SAMPLE_H_

#include <cstdint>
#include <vector>

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

}  // namespace tfscann

#endif  // TFSCANN_BUILD_SAMPLE_H_
