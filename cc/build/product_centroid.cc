#include "cc/build/product_centroid.h"

#include <algorithm>
#include <cmath>

namespace tfscann {
namespace {

// Steps of conjugate gradients. The condition number is at most 1 + w, so that the error of the
// start shrinks by 10^-5 for w = 0.3, and by 10^-3 for w = 1.
constexpr int kSteps = 4;

// The sum of x[i] * y[i], in a fixed order.
template <typename X, typename Y>
double Dot(const X* x, const Y* y, int64_t dims) {
  double sums[8] = {};
  int64_t dim = 0;
  for (; dim + 8 <= dims; dim += 8) {
    for (int lane = 0; lane < 8; ++lane) {
      sums[lane] += static_cast<double>(x[dim + lane]) * static_cast<double>(y[dim + lane]);
    }
  }
  for (; dim < dims; ++dim) sums[0] += static_cast<double>(x[dim]) * static_cast<double>(y[dim]);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace

// The loss of n rows x is least where, with u = x / |x| and w the extra weight,
//   (n I + w sum of u u^T) c = (1 + w) sum of x.
void ProductCentroid::Move(const int64_t* members, int64_t size, float* centroid) {
  const int64_t dims = rows_.cols();
  solution_.assign(centroid, centroid + dims);
  residual_.assign(dims, 0.0);
  weights_.resize(size);
  for (int64_t i = 0; i < size; ++i) {
    const float* row = rows_.row(members[i]);
    const double squared = Dot(row, row, dims);
    weights_[i] = squared > 0 ? extra_weight_ / squared : 0.0;
    for (int64_t dim = 0; dim < dims; ++dim) residual_[dim] += (1 + extra_weight_) * row[dim];
  }
  Multiply(members, size, solution_);
  for (int64_t dim = 0; dim < dims; ++dim) residual_[dim] -= product_[dim];
  direction_ = residual_;
  double squared = Dot(residual_.data(), residual_.data(), dims);
  for (int step = 0; step < kSteps && squared > 0; ++step) {
    Multiply(members, size, direction_);
    const double length = squared / Dot(direction_.data(), product_.data(), dims);
    for (int64_t dim = 0; dim < dims; ++dim) {
      solution_[dim] += length * direction_[dim];
      residual_[dim] -= length * product_[dim];
    }
    const double before = squared;
    squared = Dot(residual_.data(), residual_.data(), dims);
    for (int64_t dim = 0; dim < dims; ++dim) {
      direction_[dim] = residual_[dim] + squared / before * direction_[dim];
    }
  }
  const auto is_finite = [](double value) { return std::isfinite(static_cast<float>(value)); };
  if (!std::all_of(solution_.begin(), solution_.end(), is_finite)) return;
  for (int64_t dim = 0; dim < dims; ++dim) centroid[dim] = static_cast<float>(solution_[dim]);
}

// product_ = (n I + w sum of u u^T) v.
void ProductCentroid::Multiply(const int64_t* members, int64_t size, const std::vector<double>& v) {
  const int64_t dims = rows_.cols();
  product_.resize(dims);
  for (int64_t dim = 0; dim < dims; ++dim) product_[dim] = static_cast<double>(size) * v[dim];
  for (int64_t i = 0; i < size; ++i) {
    const float* row = rows_.row(members[i]);
    const double along = weights_[i] * Dot(row, v.data(), dims);
    for (int64_t dim = 0; dim < dims; ++dim) product_[dim] += along * row[dim];
  }
}

}  // namespace tfscann
