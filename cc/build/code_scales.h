// The scale of each candidate's code.
//
// Residuals differ in length, the more so where candidates do, and a codebook that is made for all
// of them is too coarse for the short ones and too small for the long ones: where lengths are as
// those of GloVe as published, a code said 30 % of the residuals that queries want. So a code is
// of a residual over its length, and the length is kept by itself, as Dai, Yan, Ng, Liu and Cheng
// do with norms ("Norm-Explicit Quantization: Improving Vector Quantization for Maximum Inner
// Product Search", AAAI 2020).
#ifndef TFSCANN_BUILD_CODE_SCALES_H_
#define TFSCANN_BUILD_CODE_SCALES_H_

#include <cstdint>
#include <vector>

#include "cc/base/executor.h"
#include "cc/base/matrix_view.h"
#include "cc/build/leaves.h"
#include "cc/search/options.h"

namespace tfscann {

// Lengths of the residuals, candidate minus centroid.
struct ResidualLengths {
  std::vector<float> of_positions;  // [groups x 32], 0 behind a leaf's last candidate
  std::vector<float> of_leaves;     // [num_leaves] root mean square

  ResidualLengths(MatrixView<const float> rows, MatrixView<const float> centroids,
                  const Leaves& leaves, Executor* executor);
};

// The length that the largest scale stands for: the longest there is, but no more than some times
// the median of those that are not 0, so that a few do not leave the others few scales.
float LongestResidual(const ResidualLengths& lengths);

// [groups x 32] scales, see IndexParts: from 1 to kLut16MaxScale, in proportion to the length, but
// 0 for a residual of 0 and behind a leaf's last candidate. squared_l2: none is less than that of
// half the leaf's root mean square, because the norm term, which is scaled too, does not become
// small with the residual.
std::vector<uint8_t> CodeScales(DistanceMeasure distance_measure, const ResidualLengths& lengths,
                                float longest_residual, const Leaves& leaves);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_CODE_SCALES_H_
