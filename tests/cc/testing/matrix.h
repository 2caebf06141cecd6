// Matrices of test data. Kernels may read kFloatOverread floats behind the last row: there stands
// junk, as large as a finite float gets, so that a kernel that used it would be found out.
#ifndef TFSCANN_TESTS_TESTING_MATRIX_H_
#define TFSCANN_TESTS_TESTING_MATRIX_H_

#include <cstdint>
#include <limits>
#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/base/random.h"
#include "cc/kernels/kernels.h"

namespace tfscann::testing {

class Matrix {
 public:
  Matrix(int64_t rows, int64_t cols)
      : rows_(rows),
        cols_(cols),
        values_(rows * cols + kFloatOverread, std::numeric_limits<float>::max()) {}

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  float* row(int64_t i) { return values_.data() + i * cols_; }
  const float* row(int64_t i) const { return values_.data() + i * cols_; }
  MatrixView<const float> view() const { return {values_.data(), rows_, cols_}; }
  operator MatrixView<const float>() const { return view(); }

 private:
  int64_t rows_;
  int64_t cols_;
  std::vector<float> values_;
};

// Calls `next()` for each value, row by row.
template <typename Next>
Matrix MakeMatrix(int64_t rows, int64_t cols, const Next& next) {
  Matrix matrix(rows, cols);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) matrix.row(i)[j] = static_cast<float>(next());
  }
  return matrix;
}

inline int64_t IntegerIn(Random* random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random->Below(static_cast<uint64_t>(high - low + 1)));
}

// Uniform in [-1, 1).
inline Matrix RandomMatrix(int64_t rows, int64_t cols, uint64_t seed) {
  Random random(seed, 0, 0);
  return MakeMatrix(rows, cols, [&] { return 2 * random.Uniform() - 1; });
}

// Integers in [-limit, limit]: dot products and distances are exact, and ties are many.
inline Matrix IntegerMatrix(int64_t rows, int64_t cols, uint64_t seed, int64_t limit = 3) {
  Random random(seed, 1, 0);
  return MakeMatrix(rows, cols, [&] { return IntegerIn(&random, -limit, limit); });
}

// Rows with 1, 4, 16, ... values of 1 or -1 among zeros: their lengths are powers of two, so that
// cosines are exact too.
inline Matrix ExactCosineMatrix(int64_t rows, int64_t cols, uint64_t seed) {
  Random random(seed, 2, 0);
  Matrix matrix = MakeMatrix(rows, cols, [] { return 0; });
  for (int64_t i = 0; i < rows; ++i) {
    int64_t count = 1;
    while (4 * count <= cols && random.Below(2) == 0) count *= 4;
    for (int64_t chosen = 0; chosen < count;) {
      float& value = matrix.row(i)[random.Below(static_cast<uint64_t>(cols))];
      if (value != 0) continue;
      value = random.Below(2) == 0 ? -1.0f : 1.0f;
      ++chosen;
    }
  }
  return matrix;
}

// Rows around `clusters` centres, as embeddings are: the spread within a cluster is half of that
// between them.
inline Matrix ClusteredMatrix(int64_t rows, int64_t cols, int64_t clusters, uint64_t seed) {
  const Matrix centres = RandomMatrix(clusters, cols, 17);
  Random random(seed, 3, 0);
  Matrix matrix(rows, cols);
  for (int64_t i = 0; i < rows; ++i) {
    const float* centre = centres.row(static_cast<int64_t>(random.Below(clusters)));
    for (int64_t j = 0; j < cols; ++j) {
      matrix.row(i)[j] = centre[j] + static_cast<float>(random.Uniform() - 0.5);
    }
  }
  return matrix;
}

inline double SquaredDistance(const float* a, const float* b, int64_t dims) {
  double sum = 0;
  for (int64_t i = 0; i < dims; ++i) {
    sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  }
  return sum;
}

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_TESTING_MATRIX_H_
