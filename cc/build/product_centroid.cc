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

// With u = y / |y|, e the extra weight, w the rows' weights and c relative to the origin, the loss
// is least where
//   (sum of w (I + e u u^T)) c = (1 + e) sum of w y.
void ProductCentroid::Move(const int64_t* members, int64_t size, float* centroid) {
  const int64_t dims = rows_.cols();
  const float* const origin = loss_.origin.data();
  solution_.resize(dims);
  for (int64_t dim = 0; dim < dims; ++dim) {
    solution_[dim] = static_cast<double>(centroid[dim]) - origin[dim];
  }
  residual_.assign(dims, 0.0);
  members_.resize(size * dims);
  squares_.resize(size);
  for (int64_t i = 0; i < size; ++i) {
    const float* x = rows_.row(members[i]);
    float* const y = members_.data() + i * dims;
    for (int64_t dim = 0; dim < dims; ++dim) y[dim] = x[dim] - origin[dim];
    squares_[i] = Dot(y, y, dims);
  }
  weight_ = 0;
  extra_weights_.resize(size);
  for (int64_t i = 0; i < size; ++i) {
    const float* const y = members_.data() + i * dims;
    const double squared = squares_[i];
    const double weight = weights_.empty() ? 1.0 : weights_[members[i]];
    weight_ += weight;
    extra_weights_[i] = squared > 0 ? loss_.extra_weight * weight / squared : 0;
    const double pull = (1 + loss_.extra_weight) * weight;
    for (int64_t dim = 0; dim < dims; ++dim) residual_[dim] += pull * y[dim];
  }
  Multiply(solution_);
  for (int64_t dim = 0; dim < dims; ++dim) residual_[dim] -= product_[dim];
  direction_ = residual_;
  double squared = Dot(residual_.data(), residual_.data(), dims);
  for (int step = 0; step < kSteps && squared > 0; ++step) {
    Multiply(direction_);
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
  for (int64_t dim = 0; dim < dims; ++dim) solution_[dim] += origin[dim];
  const auto is_finite = [](double value) { return std::isfinite(static_cast<float>(value)); };
  if (!std::all_of(solution_.begin(), solution_.end(), is_finite)) return;
  for (int64_t dim = 0; dim < dims; ++dim) centroid[dim] = static_cast<float>(solution_[dim]);
}

// product_ = (sum of w (I + e u u^T)) v.
void ProductCentroid::Multiply(const std::vector<double>& v) {
  const int64_t dims = rows_.cols();
  product_.resize(dims);
  for (int64_t dim = 0; dim < dims; ++dim) product_[dim] = weight_ * v[dim];
  for (size_t i = 0; i < extra_weights_.size(); ++i) {
    const float* y = members_.data() + static_cast<int64_t>(i) * dims;
    const double along = extra_weights_[i] * Dot(y, v.data(), dims);
    for (int64_t dim = 0; dim < dims; ++dim) product_[dim] += along * y[dim];
  }
}

}  // namespace tfscann
