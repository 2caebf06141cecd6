#include "cc/build/lengths.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tfscann {
namespace {

constexpr int64_t kSample = 4096;
constexpr double kMostDeviation = 0.05;

}  // namespace

std::vector<double> SampleLengths(MatrixView<const float> rows) {
  std::vector<double> lengths;
  for (int64_t i = 0; i < rows.rows(); i += std::max<int64_t>(1, rows.rows() / kSample)) {
    double squared = 0;
    for (int64_t dim = 0; dim < rows.cols(); ++dim) {
      squared += static_cast<double>(rows.row(i)[dim]) * rows.row(i)[dim];
    }
    lengths.push_back(std::sqrt(squared));
  }
  return lengths;
}

double MeanLength(const std::vector<double>& lengths) {
  return std::accumulate(lengths.begin(), lengths.end(), 0.0) / static_cast<double>(lengths.size());
}

bool LengthsDiffer(const std::vector<double>& lengths) {
  const double mean = MeanLength(lengths);
  double variance = 0;
  for (const double length : lengths) variance += (length - mean) * (length - mean);
  variance /= static_cast<double>(lengths.size());
  return std::sqrt(variance) > kMostDeviation * mean;
}

}  // namespace tfscann
