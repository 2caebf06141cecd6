// The centroid of a set of rows for a PartitionLoss.
#ifndef TFSCANN_BUILD_PRODUCT_CENTROID_H_
#define TFSCANN_BUILD_PRODUCT_CENTROID_H_

#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/build/partition_loss.h"

namespace tfscann {

class ProductCentroid {
 public:
  // `weights` of the rows, positive; none: all are the same.
  ProductCentroid(MatrixView<const float> rows, const PartitionLoss& loss,
                  const std::vector<float>& weights)
      : rows_(rows), loss_(loss), weights_(weights) {}

  // Moves a centroid to the least loss of the rows members[0, size), starting from where it is. It
  // stays there if their squares overflow.
  void Move(const int64_t* members, int64_t size, float* centroid);

 private:
  void Multiply(const std::vector<double>& v);

  const MatrixView<const float> rows_;
  const PartitionLoss& loss_;
  const std::vector<float>& weights_;
  std::vector<float> members_;         // the rows in turn, relative to the origin
  std::vector<double> squares_;        // |y|^2
  std::vector<double> extra_weights_;  // of a row y in the matrix: extra_weight w / |y|^2
  double weight_ = 0;                  // of the rows together
  std::vector<double> solution_, residual_, direction_, product_;
};

}  // namespace tfscann

#endif  // TFSCANN_BUILD_PRODUCT_CENTROID_H_
