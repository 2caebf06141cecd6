#include "cc/build/leaf_order.h"

#include <algorithm>
#include <numeric>

namespace tfscann {
namespace {

// Times that a half's direction is made anew from the two halves' means.
constexpr int kRounds = 12;

class Halver {
 public:
  Halver(MatrixView<const float> centroids, int64_t group) : centroids_(centroids), group_(group) {}

  void Order(int32_t* begin, int32_t* end) {
    const int64_t count = end - begin;
    if (count <= group_) return;
    int32_t* const middle = begin + (count + group_ - 1) / group_ / 2 * group_;
    Start(begin, end);
    for (int round = 0; round < kRounds; ++round) {
      const std::vector<int32_t> before(begin, middle);
      Split(begin, middle, end);
      if (round > 0 && std::equal(begin, middle, before.begin())) break;
      Aim(begin, middle, end);
    }
    Order(begin, middle);
    Order(middle, end);
  }

 private:
  // The direction from the mean to the centroid that is farthest from it.
  void Start(const int32_t* begin, const int32_t* end) {
    const std::vector<double> mean = MeanOf(begin, end);
    double farthest = -1;
    for (const int32_t* i = begin; i < end; ++i) {
      const float* centroid = centroids_.row(*i);
      double squared = 0;
      for (size_t dim = 0; dim < mean.size(); ++dim) {
        squared += (centroid[dim] - mean[dim]) * (centroid[dim] - mean[dim]);
      }
      if (!(squared > farthest)) continue;
      farthest = squared;
      direction_.assign(centroid, centroid + mean.size());
      for (size_t dim = 0; dim < mean.size(); ++dim) direction_[dim] -= mean[dim];
    }
    // All infinite or NaN, by overflow: any direction will do.
    direction_.resize(mean.size());
  }

  // Puts those that lie lower along the direction before the middle. Ascending on either side.
  void Split(int32_t* begin, int32_t* middle, int32_t* end) {
    keys_.clear();
    for (const int32_t* i = begin; i < end; ++i) {
      const float* centroid = centroids_.row(*i);
      double along = 0;
      for (size_t dim = 0; dim < direction_.size(); ++dim) along += direction_[dim] * centroid[dim];
      // A NaN would not sort.
      keys_.push_back({along == along ? along : 0, *i});
    }
    std::nth_element(keys_.begin(), keys_.begin() + (middle - begin), keys_.end());
    std::transform(keys_.begin(), keys_.end(), begin, [](const Key& key) { return key.second; });
    std::sort(begin, middle);
    std::sort(middle, end);
  }

  // The direction from one half's mean to the other's.
  void Aim(const int32_t* begin, const int32_t* middle, const int32_t* end) {
    const std::vector<double> low = MeanOf(begin, middle), high = MeanOf(middle, end);
    for (size_t dim = 0; dim < direction_.size(); ++dim) direction_[dim] = high[dim] - low[dim];
  }

  std::vector<double> MeanOf(const int32_t* begin, const int32_t* end) const {
    std::vector<double> mean(centroids_.cols());
    for (const int32_t* i = begin; i < end; ++i) {
      for (size_t dim = 0; dim < mean.size(); ++dim) mean[dim] += centroids_.row(*i)[dim];
    }
    for (double& value : mean) value /= static_cast<double>(end - begin);
    return mean;
  }

  using Key = std::pair<double, int32_t>;

  const MatrixView<const float> centroids_;
  const int64_t group_;
  std::vector<double> direction_;
  std::vector<Key> keys_;
};

}  // namespace

std::vector<int32_t> OrderByNearness(MatrixView<const float> centroids, int64_t group) {
  std::vector<int32_t> order(centroids.rows());
  std::iota(order.begin(), order.end(), 0);
  Halver(centroids, group).Order(order.data(), order.data() + order.size());
  return order;
}

}  // namespace tfscann
