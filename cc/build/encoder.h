// From candidates to packed 4-bit codes.
//
// dot_product and cosine use anisotropic quantization (Guo et al., "Accelerating Large-Scale
// Inference with Anisotropic Vector Quantization", ICML 2020): with x the candidate and e the error
// of its residual's code,
//   loss = |e|^2 + (eta - 1) (e . x/|x|)^2,  eta = (d - 1) t / (1 - t),  t = T^2 (m / |x|)^2,
// T being anisotropic_quantization_threshold and m the root mean square length of the candidates:
// T is relative to that, so that it means the same for data of any scale. Errors in
// query_directions (query_directions.h) count for more, too. squared_l2 uses eta = 1 and no
// directions: there the norm term makes up for errors along the candidate, see NormTerm in
// encoder.cc. Residuals and errors are over the scale of the code (code_scales.h).
#ifndef TFSCANN_BUILD_ENCODER_H_
#define TFSCANN_BUILD_ENCODER_H_

#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/build/config.h"
#include "cc/build/leaves.h"
#include "cc/build/query_directions.h"

namespace tfscann {

struct Encoder {
  DistanceMeasure distance_measure;
  int64_t dims_per_block;
  double threshold;                  // T
  double mean_squared_norm;          // m^2
  QueryDirections query_directions;  // none for squared_l2
  MatrixView<const float> centroids;
  std::vector<float> center;     // squared_l2: the mean candidate
  std::vector<float> codebooks;  // [num_blocks][dims_per_block][16]
  // See IndexParts.
  Span<const uint8_t> code_scales;
  // squared_l2.
  Span<const float> leaf_norm_terms;
  std::vector<float> norm_codebooks;

  int64_t dims() const { return centroids.cols(); }
  int64_t num_blocks() const { return CeilDiv(dims(), dims_per_block); }
  int64_t num_code_blocks() const {
    return num_blocks() + (distance_measure == DistanceMeasure::kSquaredL2 ? kNormBlocks : 0);
  }
  int64_t num_pairs() const { return CeilDiv(num_code_blocks(), 2); }

  // The residual of a candidate over the scale of its code, 0 if that is 0, into [dims].
  void ScaledResidual(const float* x, int64_t leaf, int64_t position, float* residual) const;

  // squared_l2: fills terms, [num_leaves], with the leaf_norm_terms. `rows` are all candidates.
  void FillLeafNormTerms(MatrixView<const float> rows, const Leaves& leaves, Executor* executor,
                         float* terms) const;

  // squared_l2: chooses norm_codebooks for the norm terms of about `sample` candidates in leaves.
  void ChooseNormCodebooks(MatrixView<const float> rows, const Leaves& leaves, int64_t sample);

  // Encodes every candidate of every leaf. `rows` are all candidates. codes: num_groups x num_pairs
  // x 32 bytes, zero.
  Status EncodeLeaves(MatrixView<const float> rows, const Leaves& leaves,
                      const BuildContext& context, uint8_t* codes) const;
};

}  // namespace tfscann

#endif  // TFSCANN_BUILD_ENCODER_H_
