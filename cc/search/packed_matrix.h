// The columns of a matrix product, laid out for Kernels::multiply_packed and
// Kernels::count_above_packed.
#ifndef TFSCANN_SEARCH_PACKED_MATRIX_H_
#define TFSCANN_SEARCH_PACKED_MATRIX_H_

#include <algorithm>
#include <limits>

#include "cc/base/aligned_buffer.h"
#include "cc/base/matrix_view.h"
#include "cc/kernels/kernels.h"

namespace tfscann {

// Rows multiplied at a time: a multiple of every kernel's tile; their products stay in the cache.
inline constexpr int64_t kProductRows = 36;

class PackedMatrix {
 public:
  // Packs vectors as columns. With `nearest`, products become x.c - |c|^2 / 2, the largest of which
  // belongs to the nearest vector; otherwise x.c.
  PackedMatrix(MatrixView<const float> vectors, bool nearest)
      : count_(vectors.rows()), dims_(vectors.cols()) {
    packed_.Resize(padded_count() * dims_);
    packed_.Zero();
    bias_.Resize(padded_count());
    std::fill(bias_.data(), bias_.data() + padded_count(), -std::numeric_limits<float>::infinity());
    for (int64_t column = 0; column < count_; ++column) {
      const float* vector = vectors.row(column);
      float* out = packed_.data() + column / 16 * 16 * dims_ + column % 16;
      double squared = 0;
      for (int64_t dim = 0; dim < dims_; ++dim) {
        out[dim * 16] = vector[dim];
        squared += static_cast<double>(vector[dim]) * vector[dim];
      }
      bias_[column] = nearest ? static_cast<float>(-squared / 2) : 0.0f;
    }
  }

  int64_t count() const { return count_; }
  // Columns of a product: those behind count() are -infinity.
  int64_t padded_count() const { return RoundUp(count_, 16); }

  // What a column's products have on top of x.c.
  float bias(int64_t column) const { return bias_[column]; }

  // out[i * padded_count() + c] for the given rows.
  void Multiply(MatrixView<const float> rows, float* out) const {
    ActiveKernels().multiply_packed(rows.data(), rows.stride(), rows.rows(), packed_.data(),
                                    bias_.data(), padded_count(), dims_, out, padded_count());
  }

  // counts[c] += how many of the rows have a product with vector c that is above thresholds[c], or
  // NaN. Both have padded_count() elements.
  void CountAbove(MatrixView<const float> rows, const float* thresholds, int32_t* counts) const {
    ActiveKernels().count_above_packed(rows.data(), rows.stride(), rows.rows(), packed_.data(),
                                       thresholds, padded_count(), dims_, counts);
  }

  // Index of the nearest vector for each row; `work` is used for the products.
  void Nearest(MatrixView<const float> rows, AlignedBuffer<float>* work, int32_t* nearest) const {
    for (int64_t begin = 0; begin < rows.rows(); begin += kProductRows) {
      const int64_t count = std::min(kProductRows, rows.rows() - begin);
      float* products = work->Resize(kProductRows * padded_count());
      Multiply(rows.Rows(begin, count), products);
      for (int64_t i = 0; i < count; ++i) {
        nearest[begin + i] = static_cast<int32_t>(
            ActiveKernels().argmax(products + i * padded_count(), padded_count()));
      }
    }
  }

 private:
  int64_t count_;
  int64_t dims_;
  AlignedBuffer<float> packed_;
  AlignedBuffer<float> bias_;
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_PACKED_MATRIX_H_
