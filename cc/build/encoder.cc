#include "cc/build/encoder.h"

#include <algorithm>
#include <cmath>

#include "cc/base/finite.h"
#include "cc/kernels/kernels.h"

namespace tfscann {
namespace {

constexpr int64_t kMaxRounds = 10;

// The levels of the norm blocks: all but the last count in steps of `step`, the last in sixteenths
// of one.
constexpr int kCoarseLevels = 15 * (kNormBlocks - 1);

class RowEncoder {
 public:
  explicit RowEncoder(const Encoder& encoder)
      : encoder_(encoder),
        padded_(encoder.num_blocks() * encoder.dims_per_block),
        residual_(padded_),
        direction_(padded_),
        work_(encoder.num_blocks() * 32) {}

  // Writes num_code_blocks() codes; returns the squared length of the residual.
  double Encode(const float* x, int64_t leaf, uint8_t* codes) {
    const float* centroid = encoder_.centroids.row(leaf);
    double norm_squared = 0, residual_squared = 0;
    for (int64_t dim = 0; dim < encoder_.dims(); ++dim) {
      residual_[dim] = x[dim] - centroid[dim];
      norm_squared += static_cast<double>(x[dim]) * x[dim];
      residual_squared += static_cast<double>(residual_[dim]) * residual_[dim];
    }
    float extra_weight = 0;
    if (encoder_.distance_measure != DistanceMeasure::kSquaredL2 && norm_squared > 0) {
      extra_weight = ExtraWeight(norm_squared);
      const double inverse_norm = 1 / std::sqrt(norm_squared);
      for (int64_t dim = 0; dim < encoder_.dims(); ++dim) {
        direction_[dim] = static_cast<float>(x[dim] * inverse_norm);
      }
    }
    ActiveKernels().encode_row(residual_.data(), direction_.data(), extra_weight,
                               encoder_.codebooks.data(), encoder_.num_blocks(),
                               encoder_.dims_per_block, kMaxRounds, work_.data(), codes);
    if (!encoder_.norm_codebooks.empty()) {
      EncodeNormTerm(NormTerm(leaf, codes), codes + encoder_.num_blocks());
    }
    return residual_squared;
  }

  // -(2 c.r + |r|^2) for the r that the codes stand for, c being relative to the mean candidate.
  double NormTerm(int64_t leaf, const uint8_t* codes) const {
    const float* centroid = encoder_.centroids.row(leaf);
    double term = 0;
    for (int64_t dim = 0; dim < encoder_.dims(); ++dim) {
      const double r = encoder_.codebooks[dim * 16 + codes[dim / encoder_.dims_per_block]];
      term -= (2 * (static_cast<double>(centroid[dim]) - encoder_.center[dim]) + r) * r;
    }
    return term;
  }

 private:
  // eta - 1, at least 0.
  float ExtraWeight(double norm_squared) const {
    const double t = std::min(
        0.5, encoder_.threshold * encoder_.threshold * encoder_.mean_squared_norm / norm_squared);
    const double eta = static_cast<double>(encoder_.dims() - 1) * t / (1 - t);
    return static_cast<float>(std::max(0.0, eta - 1));
  }

  void EncodeNormTerm(double term, uint8_t* codes) const {
    const float* codebook = encoder_.norm_codebooks.data();
    double low = 0;
    for (int b = 0; b < kNormBlocks; ++b) low += codebook[b * 16];
    const double unit = codebook[(kNormBlocks - 1) * 16 + 1] - codebook[(kNormBlocks - 1) * 16];
    const double most = kCoarseLevels * 16 + 15;
    const double wanted = unit > 0 ? std::nearbyint((term - low) / unit) : 0.0;
    // In this order NaN becomes 0.
    const int level = static_cast<int>(std::min(most, std::max(0.0, wanted)));
    int coarse = level / 16;
    for (int b = 0; b < kNormBlocks - 1; ++b) {
      codes[b] = static_cast<uint8_t>(std::min(15, coarse));
      coarse -= codes[b];
    }
    codes[kNormBlocks - 1] = static_cast<uint8_t>(level % 16);
  }

  const Encoder& encoder_;
  const int64_t padded_;
  std::vector<float> residual_;
  std::vector<float> direction_;
  std::vector<float> work_;
};

}  // namespace

void Encoder::FitNormCodebooks(MatrixView<const float> rows,
                               const std::vector<int32_t>& leaf_of_row) {
  norm_codebooks.clear();
  RowEncoder row_encoder(*this);
  std::vector<uint8_t> codes(num_code_blocks());
  double low = 0, high = 0;
  for (int64_t i = 0; i < rows.rows(); ++i) {
    row_encoder.Encode(rows.row(i), leaf_of_row[i], codes.data());
    const double term = row_encoder.NormTerm(leaf_of_row[i], codes.data());
    low = i == 0 ? term : std::min(low, term);
    high = i == 0 ? term : std::max(high, term);
  }
  // Rows that were not seen here may lie a little outside.
  const double margin = 0.1 * (high - low);
  low -= margin;
  const double unit = (high + margin - low) / (kCoarseLevels * 16 + 15);
  norm_codebooks.resize(kNormBlocks * 16);
  for (int b = 0; b < kNormBlocks; ++b) {
    const double level = b == kNormBlocks - 1 ? unit : 16 * unit;
    for (int i = 0; i < 16; ++i) {
      norm_codebooks[b * 16 + i] = ToFiniteFloat(low / kNormBlocks + level * i);
    }
  }
}

Status Encoder::EncodeLeaves(MatrixView<const float> rows, const Leaves& leaves,
                             const BuildContext& context, uint8_t* codes, float* radii) const {
  constexpr char kStage[] = "encoding candidates";
  const int64_t group_bytes = num_pairs() * kLut16PairBytes;
  TFSCANN_RETURN_IF_ERROR(context.Report(kStage, 0, leaves.size()));
  context.executor->ParallelFor(leaves.size(), 1, [&](int64_t leaf, int64_t) {
    RowEncoder row_encoder(*this);
    std::vector<uint8_t> row_codes(num_code_blocks());
    const int32_t* members = leaves.rows(leaf);
    double squared = 0;
    for (int64_t i = 0; i < leaves.sizes[leaf]; ++i) {
      squared += row_encoder.Encode(rows.row(members[i]), leaf, row_codes.data());
      uint8_t* group = codes + (leaves.first_groups[leaf] + i / kLut16Group) * group_bytes;
      const int candidate = static_cast<int>(i % kLut16Group);
      for (int64_t block = 0; block < num_code_blocks(); ++block) {
        group[block / 2 * kLut16PairBytes + block % 2 * 16 + Lut16Byte(candidate)] |=
            static_cast<uint8_t>(row_codes[block] << (candidate >= 16 ? 4 : 0));
      }
    }
    const double size = std::max<double>(1, leaves.sizes[leaf]);
    radii[leaf] = ToFiniteFloat(std::sqrt(squared / size));
  });
  return context.Report(kStage, leaves.size(), leaves.size());
}

}  // namespace tfscann
