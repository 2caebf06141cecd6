// The second leaf of each candidate. Sun et al., "SOAR: Improved Indexing for Approximate Nearest
// Neighbor Search", NeurIPS 2023.
#ifndef TFSCANN_BUILD_SOAR_H_
#define TFSCANN_BUILD_SOAR_H_

#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/build/config.h"

namespace tfscann {

// With r = x - c the residual to the first leaf of a row x, the second is the leaf c' != c whose
// residual r' = x - c' minimises |r'|^2 + lambda (r'.r / |r|)^2: near, and at a right angle, so
// that a query that misses the one is likely to find the other. There must be two leaves or more.
Status AssignSoar(MatrixView<const float> rows, MatrixView<const float> centroids,
                  const std::vector<int32_t>& first, double lambda, const BuildContext& context,
                  std::vector<int32_t>* second);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_SOAR_H_
