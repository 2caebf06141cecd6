#include "cc/build/soar.h"

#include <algorithm>
#include <limits>

#include "cc/build/leaves.h"
#include "cc/search/packed_matrix.h"

namespace tfscann {
namespace {

double SquaredNorm(const float* x, int64_t dims) {
  double sum = 0;
  for (int64_t i = 0; i < dims; ++i) sum += static_cast<double>(x[i]) * x[i];
  return sum;
}

}  // namespace

Status AssignSoar(MatrixView<const float> rows, MatrixView<const float> centroids,
                  const std::vector<int32_t>& first, double lambda, const BuildContext& context,
                  std::vector<int32_t>* second) {
  constexpr char kStage[] = "assigning second leaves";
  const int64_t dims = rows.cols();
  const int64_t num_leaves = centroids.rows();
  const PackedMatrix packed(centroids, /*nearest=*/false);
  std::vector<float> squared_norms(num_leaves);
  for (int64_t c = 0; c < num_leaves; ++c) {
    squared_norms[c] = static_cast<float>(SquaredNorm(centroids.row(c), dims));
  }
  // Leaf by leaf: the products c.c' serve all its rows.
  const Leaves leaves = ArrangeLeaves({&first}, num_leaves);
  second->resize(first.size());
  TFSCANN_RETURN_IF_ERROR(context.Report(kStage, 0, rows.rows()));
  context.executor->ParallelFor(num_leaves, 1, [&](int64_t leaf, int64_t) {
    const int64_t padded = packed.padded_count();
    const float* centroid = centroids.row(leaf);
    AlignedBuffer<float> centroid_products(padded), products(kProductRows * padded),
        gathered(kProductRows * dims), losses(padded);
    packed.Multiply({centroid, 1, dims}, centroid_products.data());
    const Span<const int32_t> members = leaves.RowsOf(leaf);
    for (int64_t begin = 0; begin < leaves.sizes[leaf]; begin += kProductRows) {
      const int64_t count = std::min<int64_t>(kProductRows, leaves.sizes[leaf] - begin);
      for (int64_t i = 0; i < count; ++i) {
        std::copy_n(rows.row(members[begin + i]), dims, gathered.data() + i * dims);
      }
      packed.Multiply({gathered.data(), count, dims}, products.data());
      for (int64_t i = 0; i < count; ++i) {
        const float* x = gathered.data() + i * dims;
        double residual_squared = 0, x_dot_residual = 0;
        for (int64_t dim = 0; dim < dims; ++dim) {
          const double r = static_cast<double>(x[dim]) - centroid[dim];
          residual_squared += r * r;
          x_dot_residual += r * x[dim];
        }
        const float weight =
            residual_squared > 0 ? static_cast<float>(lambda / residual_squared) : 0.0f;
        const float x_r = static_cast<float>(x_dot_residual);
        // Negated losses, without |x|^2, which is the same for all.
        const float* x_c = products.data() + i * padded;
        for (int64_t c = 0; c < num_leaves; ++c) {
          const float along = x_r - (x_c[c] - centroid_products[c]);  // r' . r
          losses[c] = 2 * x_c[c] - squared_norms[c] - weight * (along * along);
        }
        losses[leaf] = -std::numeric_limits<float>::infinity();
        std::fill(losses.data() + num_leaves, losses.data() + padded,
                  -std::numeric_limits<float>::infinity());
        int64_t best = ActiveKernels().argmax(losses.data(), padded);
        // All of them infinite or NaN, by overflow: any other leaf will do.
        if (best == leaf || best >= num_leaves) best = leaf == 0 ? 1 : 0;
        (*second)[members[begin + i]] = static_cast<int32_t>(best);
      }
    }
  });
  return context.Report(kStage, rows.rows(), rows.rows());
}

}  // namespace tfscann
