// Floats for an index file, which holds finite ones only. Standard library only.
#ifndef TFSCANN_BASE_FINITE_H_
#define TFSCANN_BASE_FINITE_H_

#include <algorithm>
#include <limits>

namespace tfscann {

// x as a float, the largest there is where x is beyond; 0 for NaN. Embeddings whose products
// overflow get a poor index that way, but one that can be opened.
inline float ToFiniteFloat(double x) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (!(x == x)) return 0.0f;
  return static_cast<float>(std::min(kLargest, std::max(-kLargest, x)));
}

}  // namespace tfscann

#endif  // TFSCANN_BASE_FINITE_H_
