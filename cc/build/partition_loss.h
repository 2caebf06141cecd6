// What candidates' places in leaves cost, together:
//   sum of w(x) (|r|^2 + extra_weight (r.y / |y|)^2),   r = x - c,
// for rows x, the centroid c of a row's leaf, and y = x - origin. The part of an error that lies
// along a row is what moves its products with the queries that want it, and w(x) says how many do:
// the probability that y.z > threshold for a random z, normal in every direction, which grows fast
// with the length of y (Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector
// Quantization", ICML 2020, weigh errors by such a threshold, too).
#ifndef TFSCANN_BUILD_PARTITION_LOSS_H_
#define TFSCANN_BUILD_PARTITION_LOSS_H_

#include <vector>

#include "cc/base/matrix_view.h"

namespace tfscann {

struct PartitionLoss {
  // At most 1. 0: Euclidean distance, and no more of this counts.
  double extra_weight = 0;
  std::vector<float> origin;  // [dimensions]
  double threshold = 0;       // 0: all rows weigh the same

  // Twice w(x) for a row with this |y|.
  double WeightOf(double length) const;
};

// The threshold that one random product with a row in a thousand exceeds.
double ThresholdForProducts(MatrixView<const float> rows);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_PARTITION_LOSS_H_
