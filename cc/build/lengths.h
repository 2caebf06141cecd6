// The lengths of rows.
#ifndef TFSCANN_BUILD_LENGTHS_H_
#define TFSCANN_BUILD_LENGTHS_H_

#include <vector>

#include "cc/base/matrix_view.h"

namespace tfscann {

// Those of every i-th row, some thousands in all.
std::vector<double> SampleLengths(MatrixView<const float> rows);

double MeanLength(const std::vector<double>& lengths);

// Whether their standard deviation is more than a twentieth of their mean. Then the long rows are
// among the results of more queries than the short ones, if the measure is dot_product.
bool LengthsDiffer(const std::vector<double>& lengths);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_LENGTHS_H_
