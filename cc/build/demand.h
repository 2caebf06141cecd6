// Which rows are among the results of many queries, for dot_product.
//
// Where lengths differ, few rows are wanted by most queries: of GloVe's vectors as published one in
// a hundred makes up a third of all results. Length alone does not say which.
#ifndef TFSCANN_BUILD_DEMAND_H_
#define TFSCANN_BUILD_DEMAND_H_

#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/build/config.h"

namespace tfscann {

// Weights of the rows, 1 on average: of how many of some thousand queries, rows and made-up users,
// a row is among the best three in ten thousand, or the best ten; and a twentieth for every row.
// Cancelled if the executor was.
Result<std::vector<float>> MeasureDemand(MatrixView<const float> rows, const BuildContext& context);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_DEMAND_H_
