#include "cc/search/code_error.h"

#include <algorithm>
#include <cmath>

#include "cc/kernels/kernels.h"
#include "cc/search/int8_rows.h"

namespace tfscann {
namespace {

class CodeReader {
 public:
  explicit CodeReader(const IndexParts& parts)
      : parts_(parts),
        dims_(parts.parameters.dimensions),
        centroids_(parts.centroids.data(), dims_),
        int8_rows_(parts.CandidateInt8Rows()),
        centroid_(dims_),
        row_(dims_) {}

  void AddErrorsOfGroup(int64_t leaf, int64_t group, std::vector<float>* errors) {
    centroids_.Dequantize(leaf, centroid_.data());
    const int64_t before = (group - parts_.leaf_first_groups[leaf]) * kLut16Group;
    const int64_t size = std::min<int64_t>(kLut16Group, parts_.leaf_sizes[leaf] - before);
    for (int place = 0; place < size; ++place) {
      ReadRow(parts_.position_rows[group * kLut16Group + place]);
      double squared_error = 0, squared_norm = 0;
      for (int64_t dim = 0; dim < dims_; ++dim) {
        const double error = row_[dim] - centroid_[dim] - Residual(group, place, dim);
        squared_error += error * error;
        squared_norm += static_cast<double>(row_[dim]) * row_[dim];
      }
      if (squared_norm > 0) {
        errors->push_back(static_cast<float>(std::sqrt(squared_error / squared_norm)));
      }
    }
  }

 private:
  // As the tree sees it.
  void ReadRow(int64_t row) {
    if (parts_.rows.empty()) return int8_rows_.Dequantize(row, row_.data());
    std::copy_n(parts_.rows.data() + row * dims_, dims_, row_.data());
    if (parts_.center.empty()) return;
    for (int64_t dim = 0; dim < dims_; ++dim) row_[dim] -= parts_.center[dim];
  }

  float Residual(int64_t group, int place, int64_t dim) const {
    const int64_t block = dim / parts_.parameters.dimensions_per_block;
    const int64_t pair = group * parts_.parameters.num_code_pairs() + block / 2;
    const uint8_t byte = parts_.codes[pair * kLut16PairBytes + block % 2 * 16 + Lut16Byte(place)];
    const float entry = parts_.codebooks[dim * 16 + (place >= 16 ? byte >> 4 : byte & 15)];
    return entry * parts_.code_scales[group * kLut16Group + place] / kLut16MaxScale;
  }

  const IndexParts& parts_;
  const int64_t dims_;
  const Int8Rows centroids_;
  const Int8Rows int8_rows_;
  std::vector<float> centroid_;
  std::vector<float> row_;
};

}  // namespace

std::vector<float> CodeErrors(const IndexParts& parts, int64_t sample) {
  const int64_t num_leaves = parts.parameters.num_leaves;
  const int64_t num_groups = parts.leaf_first_groups[num_leaves];
  const int64_t step =
      std::max<int64_t>(1, num_groups * kLut16Group / std::max<int64_t>(1, sample));
  CodeReader reader(parts);
  std::vector<float> errors;
  int64_t leaf = 0;
  for (int64_t group = 0; group < num_groups; group += step) {
    while (group >= parts.leaf_first_groups[leaf + 1]) ++leaf;
    reader.AddErrorsOfGroup(leaf, group, &errors);
  }
  return errors;
}

}  // namespace tfscann
