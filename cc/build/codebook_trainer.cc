#include "cc/build/codebook_trainer.h"

#include <algorithm>

#include "cc/base/aligned_buffer.h"
#include "cc/base/finite.h"
#include "cc/build/sample.h"
#include "cc/kernels/kernels.h"

namespace tfscann {
namespace {

constexpr int kCentres = 16;
constexpr int kIterations = 30;

// Trains one block in `codebook`, [dims_per_block][16]. `points` are [count x dims_per_block].
void TrainBlock(const std::vector<float>& points, int64_t count, int64_t dims_per_block,
                uint64_t seed, int64_t block, float* codebook) {
  const std::vector<int64_t> initial =
      SampleSorted(count, kCentres, seed, kCodebookInitStage, block);
  for (int centre = 0; centre < kCentres; ++centre) {
    const float* point = points.data() + initial[centre % initial.size()] * dims_per_block;
    for (int64_t dim = 0; dim < dims_per_block; ++dim) codebook[dim * 16 + centre] = point[dim];
  }
  std::vector<double> sums(dims_per_block * kCentres);
  std::vector<float> work(kCentres);
  std::vector<uint8_t> nearest(count, kCentres);
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    std::fill(sums.begin(), sums.end(), 0.0);
    int64_t sizes[kCentres] = {};
    bool changed = false;
    for (int64_t i = 0; i < count; ++i) {
      const float* point = points.data() + i * dims_per_block;
      uint8_t centre;
      ActiveKernels().encode_row(point, {}, codebook, 1, dims_per_block, 0, work.data(), &centre);
      changed |= centre != nearest[i];
      nearest[i] = centre;
      ++sizes[centre];
      for (int64_t dim = 0; dim < dims_per_block; ++dim) {
        sums[dim * 16 + centre] += point[dim];
      }
    }
    if (!changed) return;  // centres are what they would become
    const int64_t largest = std::max_element(sizes, sizes + kCentres) - sizes;
    for (int centre = 0; centre < kCentres; ++centre) {
      // An unused centre moves next to the most used one, to share its points.
      const bool empty = sizes[centre] == 0;
      const int64_t source = empty ? largest : centre;
      for (int64_t dim = 0; dim < dims_per_block; ++dim) {
        const double mean = sums[dim * 16 + source] / sizes[source];
        codebook[dim * 16 + centre] =
            ToFiniteFloat(empty ? mean * (1.0 + 0.01 * (centre + 1)) : mean);
      }
    }
  }
}

}  // namespace

Result<std::vector<float>> TrainCodebooks(MatrixView<const float> residuals, int64_t dims_per_block,
                                          const BuildContext& context) {
  constexpr char kStage[] = "training codebooks";
  const int64_t dims = residuals.cols();
  const int64_t num_blocks = CeilDiv(dims, dims_per_block);
  std::vector<float> codebooks(num_blocks * dims_per_block * kCentres);
  TFSCANN_RETURN_IF_ERROR(context.Report(kStage, 0, num_blocks));
  context.executor->ParallelFor(num_blocks, 1, [&](int64_t block, int64_t) {
    std::vector<float> points(residuals.rows() * dims_per_block);
    const int64_t first_dim = block * dims_per_block;
    const int64_t used = std::min(dims_per_block, dims - first_dim);
    for (int64_t i = 0; i < residuals.rows(); ++i) {
      std::copy_n(residuals.row(i) + first_dim, used, points.data() + i * dims_per_block);
    }
    TrainBlock(points, residuals.rows(), dims_per_block, context.seed, block,
               codebooks.data() + first_dim * kCentres);
  });
  TFSCANN_RETURN_IF_ERROR(context.Report(kStage, num_blocks, num_blocks));
  return codebooks;
}

}  // namespace tfscann
