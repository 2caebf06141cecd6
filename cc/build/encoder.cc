#include "cc/build/encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "cc/base/finite.h"
#include "cc/build/norm_codebook.h"
#include "cc/kernels/kernels.h"

namespace tfscann {
namespace {

constexpr int64_t kMaxRounds = 10;

// The share of a candidate's residual that queries which want it have in common with it, on
// average. On the GloVe set anything from 0.25 to 0.6 is as good, 0 and 1 cost 0.6 % of recall.
constexpr double kSharedResidual = 0.4;

class RowEncoder {
 public:
  explicit RowEncoder(const Encoder& encoder)
      : encoder_(encoder),
        padded_(encoder.num_blocks() * encoder.dims_per_block),
        residual_(padded_),
        // That of the candidate, then those of queries.
        weights_(1 + encoder.query_directions.count()),
        directions_(weights_.size() * padded_),
        work_((1 + weights_.size()) * encoder.num_blocks() * 16) {
    const QueryDirections& of_queries = encoder.query_directions;
    for (int64_t i = 0; i < of_queries.count(); ++i) {
      weights_[1 + i] = of_queries.weights[i];
      std::copy_n(of_queries.vectors.data() + i * encoder.dims(), encoder.dims(),
                  directions_.data() + (1 + i) * padded_);
    }
  }

  // Writes the num_code_blocks() codes of a candidate at a position.
  void Encode(const float* x, int64_t leaf, int64_t position, uint8_t* codes) {
    scale_ = static_cast<double>(encoder_.code_scales[position]) / kLut16MaxScale;
    encoder_.ScaledResidual(x, leaf, position, residual_.data());
    double norm_squared = 0;
    for (int64_t dim = 0; dim < encoder_.dims(); ++dim) {
      norm_squared += static_cast<double>(x[dim]) * x[dim];
    }
    weights_[0] = ExtraWeight(norm_squared);
    if (weights_[0] > 0) {
      const double inverse_norm = 1 / std::sqrt(norm_squared);
      for (int64_t dim = 0; dim < encoder_.dims(); ++dim) {
        directions_[dim] = static_cast<float>(x[dim] * inverse_norm);
      }
    }
    // Those that have a weight.
    const int64_t first = weights_[0] > 0 ? 0 : 1;
    const ErrorDirections directions = {directions_.data() + first * padded_,
                                        weights_.data() + first,
                                        static_cast<int64_t>(weights_.size()) - first};
    ActiveKernels().encode_row(residual_.data(), directions, encoder_.codebooks.data(),
                               encoder_.num_blocks(), encoder_.dims_per_block, kMaxRounds,
                               work_.data(), codes);
    if (!encoder_.norm_codebooks.empty()) {
      EncodeNormTerm(encoder_.norm_codebooks, NormTerm(leaf, codes), codes + encoder_.num_blocks());
    }
  }

  // What the candidate encoded last has on top of 2 q.r', r' being what its codes stand for, and
  // of its leaf's part; over its scale. For |q-c-r|^2 that is the leaf's norm term minus (2 c.r +
  // |r|^2), with c relative to the mean candidate; but 2 q.r' is wrong by 2 q.e, e = r - r'.
  // Queries which want the candidate are near it, so that q = c + kSharedResidual r and more, in no
  // direction more than in others; what of 2 q.e is known that way is added.
  double NormTerm(int64_t leaf, const uint8_t* codes) const {
    const float* centroid = encoder_.centroids.row(leaf);
    if (scale_ == 0) return 0;
    double term = encoder_.leaf_norm_terms[leaf];
    for (int64_t dim = 0; dim < encoder_.dims(); ++dim) {
      const double c = static_cast<double>(centroid[dim]) - encoder_.center[dim];
      const double r = scale_ * residual_[dim];
      const double coded = encoder_.codebooks[dim * 16 + codes[dim / encoder_.dims_per_block]];
      const double e = scale_ * (residual_[dim] - coded);
      term += 2 * (c + kSharedResidual * r) * e - (2 * c + r) * r;
    }
    return term / scale_;
  }

 private:
  // eta - 1, at least 0.
  float ExtraWeight(double norm_squared) const {
    if (encoder_.distance_measure == DistanceMeasure::kSquaredL2 || norm_squared == 0) return 0;
    const double t = std::min(
        0.5, encoder_.threshold * encoder_.threshold * encoder_.mean_squared_norm / norm_squared);
    const double eta = static_cast<double>(encoder_.dims() - 1) * t / (1 - t);
    return static_cast<float>(std::max(0.0, eta - 1));
  }

  const Encoder& encoder_;
  const int64_t padded_;
  double scale_ = 1;
  std::vector<float> residual_;  // over the scale
  std::vector<float> weights_;
  std::vector<float> directions_;
  std::vector<float> work_;
};

// The ranges of the blocks' terms 2 q_b . codebook_b for a row as query: of several rows, those
// with the median sum.
std::vector<float> TypicalBlockRanges(const Encoder& encoder, MatrixView<const float> rows) {
  constexpr int64_t kQueries = 200;
  const int64_t num_blocks = encoder.num_blocks();
  std::vector<float> query(num_blocks * encoder.dims_per_block), products(num_blocks * 16),
      minima(num_blocks), ranges(num_blocks);
  std::vector<std::pair<float, std::vector<float>>> queries;
  for (int64_t i = 0; i < rows.rows(); i += std::max<int64_t>(1, rows.rows() / kQueries)) {
    for (int64_t dim = 0; dim < encoder.dims(); ++dim) {
      query[dim] = 2 * (rows.row(i)[dim] - encoder.center[dim]);
    }
    ActiveKernels().block_products(query.data(), encoder.codebooks.data(), num_blocks,
                                   encoder.dims_per_block, products.data());
    ActiveKernels().block_ranges(products.data(), num_blocks, minima.data(), ranges.data());
    const float sum = std::accumulate(ranges.begin(), ranges.end(), 0.0f);
    if (std::isfinite(sum)) queries.emplace_back(sum, ranges);
  }
  if (queries.empty()) return std::vector<float>(num_blocks);
  const auto median = queries.begin() + static_cast<std::ptrdiff_t>(queries.size() / 2);
  std::nth_element(queries.begin(), median, queries.end());
  return median->second;
}

}  // namespace

void Encoder::ScaledResidual(const float* x, int64_t leaf, int64_t position,
                             float* residual) const {
  const float* const centroid = centroids.row(leaf);
  const int scale = code_scales[position];
  const double factor = scale > 0 ? static_cast<double>(kLut16MaxScale) / scale : 0;
  for (int64_t dim = 0; dim < dims(); ++dim) {
    residual[dim] = ToFiniteFloat((static_cast<double>(x[dim]) - centroid[dim]) * factor);
  }
}

void Encoder::FillLeafNormTerms(MatrixView<const float> rows, const Leaves& leaves,
                                Executor* executor, float* terms) const {
  executor->ParallelFor(leaves.size(), 1, [&](int64_t leaf, int64_t) {
    const float* const centroid = centroids.row(leaf);
    double sum = 0;
    for (int64_t i = 0; i < leaves.sizes[leaf]; ++i) {
      const float* const x = rows.row(leaves.RowsOf(leaf)[i]);
      for (int64_t dim = 0; dim < dims(); ++dim) {
        const double c = static_cast<double>(centroid[dim]) - center[dim];
        const double r = static_cast<double>(x[dim]) - centroid[dim];
        sum += (2 * c + r) * r;
      }
    }
    terms[leaf] = ToFiniteFloat(sum / std::max<double>(1, leaves.sizes[leaf]));
  });
}

void Encoder::ChooseNormCodebooks(MatrixView<const float> rows, const Leaves& leaves,
                                  int64_t sample) {
  norm_codebooks.clear();
  RowEncoder row_encoder(*this);
  std::vector<uint8_t> codes(num_code_blocks());
  std::vector<double> terms;
  const int64_t stride = std::max<int64_t>(1, leaves.num_groups() * kLut16Group / sample);
  for (int64_t leaf = 0, next = 0; leaf < leaves.size(); ++leaf) {
    for (; next < leaves.sizes[leaf]; next += stride) {
      const int64_t position = leaves.FirstPosition(leaf) + next;
      row_encoder.Encode(rows.row(leaves.RowsOf(leaf)[next]), leaf, position, codes.data());
      const double term = row_encoder.NormTerm(leaf, codes.data());
      if (std::isfinite(term)) terms.push_back(term);
    }
    next -= leaves.sizes[leaf];
  }
  if (terms.empty()) terms.push_back(0);
  norm_codebooks = FitNormCodebooks(std::move(terms), TypicalBlockRanges(*this, rows));
}

Status Encoder::EncodeLeaves(MatrixView<const float> rows, const Leaves& leaves,
                             const BuildContext& context, uint8_t* codes) const {
  constexpr char kStage[] = "encoding candidates";
  const int64_t group_bytes = num_pairs() * kLut16PairBytes;
  TFSCANN_RETURN_IF_ERROR(context.Report(kStage, 0, leaves.size()));
  context.executor->ParallelFor(leaves.size(), 1, [&](int64_t leaf, int64_t) {
    RowEncoder row_encoder(*this);
    std::vector<uint8_t> row_codes(num_code_blocks());
    const Span<const int32_t> members = leaves.RowsOf(leaf);
    const int64_t first = leaves.FirstPosition(leaf);
    for (int64_t i = 0; i < leaves.sizes[leaf]; ++i) {
      row_encoder.Encode(rows.row(members[i]), leaf, first + i, row_codes.data());
      uint8_t* group = codes + (leaves.first_groups[leaf] + i / kLut16Group) * group_bytes;
      const int candidate = static_cast<int>(i % kLut16Group);
      for (int64_t block = 0; block < num_code_blocks(); ++block) {
        group[block / 2 * kLut16PairBytes + block % 2 * 16 + Lut16Byte(candidate)] |=
            static_cast<uint8_t>(row_codes[block] << (candidate >= 16 ? 4 : 0));
      }
    }
  });
  return context.Report(kStage, leaves.size(), leaves.size());
}

}  // namespace tfscann
