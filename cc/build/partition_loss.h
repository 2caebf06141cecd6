// What a candidate's place in a leaf costs:
//   |r|^2 + extra_weight (r.y / |y|)^2,   r = x - c,
// for a row x, the centroid c of its leaf, and y = x - origin. The part of an error that lies along
// a row is what moves its products with the queries that want it (Guo et al., "Accelerating
// Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020).
#ifndef TFSCANN_BUILD_PARTITION_LOSS_H_
#define TFSCANN_BUILD_PARTITION_LOSS_H_

#include <vector>

namespace tfscann {

struct PartitionLoss {
  double extra_weight = 0;    // at most 1; 0: Euclidean distance
  std::vector<float> origin;  // [dimensions]; not looked at without an extra weight
};

}  // namespace tfscann

#endif  // TFSCANN_BUILD_PARTITION_LOSS_H_
