// What candidates' places in leaves cost:
//   |r|^2 + extra_weight (r.y / |y|)^2,   r = x - c,
// for a row x, the centroid c of its leaf, and y = x - origin. The part of an error that lies along
// a row is what moves its products with the queries that want it (Guo et al., "Accelerating
// Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020).
#ifndef TFSCANN_BUILD_PARTITION_LOSS_H_
#define TFSCANN_BUILD_PARTITION_LOSS_H_

#include <vector>

namespace tfscann {

struct PartitionLoss {
  // At most 1. 0: Euclidean distance, and the origin does not count.
  double extra_weight = 0;
  std::vector<float> origin;  // [dimensions]
};

}  // namespace tfscann

#endif  // TFSCANN_BUILD_PARTITION_LOSS_H_
