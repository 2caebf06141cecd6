#include "cc/build/partition_loss.h"

#include <algorithm>
#include <cmath>

namespace tfscann {
namespace {

// On GloVe vectors with log-normal lengths (sigma 0.2 and 0.5) and on two-tower embeddings a
// thousandth was as good as the best power of the length for each; a hundredth was not.
constexpr double kShare = 1e-3;

constexpr int64_t kLengths = 4096;

}  // namespace

double PartitionLoss::WeightOf(double length) const {
  return threshold > 0 ? std::erfc(threshold / length / std::sqrt(2.0)) : 1.0;
}

double ThresholdForProducts(MatrixView<const float> rows) {
  std::vector<double> lengths;
  for (int64_t i = 0; i < rows.rows(); i += std::max<int64_t>(1, rows.rows() / kLengths)) {
    double squared = 0;
    for (int64_t dim = 0; dim < rows.cols(); ++dim) {
      squared += static_cast<double>(rows.row(i)[dim]) * rows.row(i)[dim];
    }
    lengths.push_back(std::sqrt(squared));
  }
  // By halves: not even products with the longest row exceed eight of its lengths so often.
  double low = 0, high = 8 * *std::max_element(lengths.begin(), lengths.end());
  for (int i = 0; i < 50; ++i) {
    PartitionLoss middle;
    middle.threshold = (low + high) / 2;
    double sum = 0;
    for (const double length : lengths) {
      if (length > 0) sum += middle.WeightOf(length) / 2;
    }
    const bool exceeded = sum > kShare * static_cast<double>(lengths.size());
    (exceeded ? low : high) = middle.threshold;
  }
  return (low + high) / 2;
}

}  // namespace tfscann
