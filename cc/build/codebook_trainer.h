// The centres of each block of dimensions.
#ifndef TFSCANN_BUILD_CODEBOOK_TRAINER_H_
#define TFSCANN_BUILD_CODEBOOK_TRAINER_H_

#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/build/config.h"

namespace tfscann {

// 16 centres a block by k-means on the residuals' dimensions of that block, as
// [num_blocks][dims_per_block][16]; dimensions behind the last are zero.
Result<std::vector<float>> TrainCodebooks(MatrixView<const float> residuals, int64_t dims_per_block,
                                          const BuildContext& context);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_CODEBOOK_TRAINER_H_
