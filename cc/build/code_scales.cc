#include "cc/build/code_scales.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "cc/base/finite.h"
#include "cc/kernels/kernels.h"

namespace tfscann {
namespace {

// A residual of the median length then has a scale of at least 32.
constexpr float kMostMedians = 4;
constexpr float kLeastShareOfLeaf = 0.5f;

}  // namespace

ResidualLengths::ResidualLengths(MatrixView<const float> rows, MatrixView<const float> centroids,
                                 const Leaves& leaves, Executor* executor)
    : of_positions(leaves.num_groups() * kLut16Group), of_leaves(leaves.size()) {
  executor->ParallelFor(leaves.size(), 1, [&](int64_t leaf, int64_t) {
    const float* const centroid = centroids.row(leaf);
    const Span<const int32_t> members = leaves.RowsOf(leaf);
    float* const lengths = of_positions.data() + leaves.FirstPosition(leaf);
    double sum = 0;
    for (size_t i = 0; i < members.size(); ++i) {
      const float* const x = rows.row(members[i]);
      double squared = 0;
      for (int64_t dim = 0; dim < rows.cols(); ++dim) {
        const double r = static_cast<double>(x[dim]) - centroid[dim];
        squared += r * r;
      }
      lengths[i] = ToFiniteFloat(std::sqrt(squared));
      sum += squared;
    }
    of_leaves[leaf] = ToFiniteFloat(std::sqrt(sum / std::max<double>(1, leaves.sizes[leaf])));
  });
}

float LongestResidual(const ResidualLengths& lengths) {
  std::vector<float> sorted;
  sorted.reserve(lengths.of_positions.size());
  std::copy_if(lengths.of_positions.begin(), lengths.of_positions.end(), std::back_inserter(sorted),
               [](float length) { return length > 0; });
  if (sorted.empty()) return 0;
  const auto median = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), median, sorted.end());
  return std::min(*std::max_element(median, sorted.end()), kMostMedians * *median);
}

std::vector<uint8_t> CodeScales(DistanceMeasure distance_measure, const ResidualLengths& lengths,
                                float longest_residual, const Leaves& leaves) {
  const float least_share = distance_measure == DistanceMeasure::kSquaredL2 ? kLeastShareOfLeaf : 0;
  std::vector<uint8_t> scales(lengths.of_positions.size());
  for (int64_t leaf = 0; leaf < leaves.size(); ++leaf) {
    const int64_t first = leaves.FirstPosition(leaf);
    for (int64_t i = first; i < first + leaves.sizes[leaf]; ++i) {
      const float length = std::max(lengths.of_positions[i], least_share * lengths.of_leaves[leaf]);
      if (length == 0) continue;
      const float share = std::min(1.0f, length / longest_residual);
      scales[i] = static_cast<uint8_t>(std::max(1.0f, std::nearbyint(share * kLut16MaxScale)));
    }
  }
  return scales;
}

}  // namespace tfscann
