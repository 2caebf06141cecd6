// The centroid of a set of rows for a loss made for dot products, see kmeans.h.
#ifndef TFSCANN_BUILD_PRODUCT_CENTROID_H_
#define TFSCANN_BUILD_PRODUCT_CENTROID_H_

#include <vector>

#include "cc/base/matrix_view.h"

namespace tfscann {

class ProductCentroid {
 public:
  // extra_weight in [0, 1].
  ProductCentroid(MatrixView<const float> rows, double extra_weight)
      : rows_(rows), extra_weight_(extra_weight) {}

  // Moves a centroid to the least loss of the rows members[0, size), starting from where it is. It
  // stays there if their squares overflow.
  void Move(const int64_t* members, int64_t size, float* centroid);

 private:
  void Multiply(const int64_t* members, int64_t size, const std::vector<double>& v);

  const MatrixView<const float> rows_;
  const double extra_weight_;
  std::vector<double> weights_;  // of a row x in the matrix: extra_weight / |x|^2
  std::vector<double> solution_, residual_, direction_, product_;
};

}  // namespace tfscann

#endif  // TFSCANN_BUILD_PRODUCT_CENTROID_H_
