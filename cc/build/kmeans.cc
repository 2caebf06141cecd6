#include "cc/build/kmeans.h"

#include <algorithm>
#include <numeric>

#include "cc/base/aligned_buffer.h"
#include "cc/build/product_centroid.h"
#include "cc/build/sample.h"
#include "cc/kernels/kernels.h"
#include "cc/search/packed_matrix.h"

namespace tfscann {
namespace {

constexpr int64_t kAssignGrain = 32 * kProductRows;
constexpr int64_t kCentroidGrain = 16;

// The rows of each cluster: members[begins[c], begins[c + 1]), ascending.
struct Clusters {
  std::vector<int64_t> begins;
  std::vector<int64_t> members;

  int64_t size(int64_t cluster) const { return begins[cluster + 1] - begins[cluster]; }
};

Clusters GroupByCluster(const std::vector<int32_t>& assignment, int64_t num_clusters) {
  Clusters clusters;
  clusters.begins.assign(num_clusters + 1, 0);
  for (const int32_t cluster : assignment) ++clusters.begins[cluster + 1];
  std::partial_sum(clusters.begins.begin(), clusters.begins.end(), clusters.begins.begin());
  clusters.members.resize(assignment.size());
  std::vector<int64_t> next(clusters.begins.begin(), clusters.begins.end() - 1);
  for (size_t row = 0; row < assignment.size(); ++row) {
    clusters.members[next[assignment[row]]++] = static_cast<int64_t>(row);
  }
  return clusters;
}

// Moves every centroid to the mean of its rows, which are added up in ascending order.
void MoveToMeans(MatrixView<const float> rows, const Clusters& clusters, Executor* executor,
                 MatrixView<float> centroids) {
  executor->ParallelFor(centroids.rows(), kCentroidGrain, [&](int64_t begin, int64_t end) {
    std::vector<double> sum(centroids.cols());
    for (int64_t c = begin; c < end; ++c) {
      if (clusters.size(c) == 0) continue;
      std::fill(sum.begin(), sum.end(), 0.0);
      for (int64_t i = clusters.begins[c]; i < clusters.begins[c + 1]; ++i) {
        const float* row = rows.row(clusters.members[i]);
        for (int64_t dim = 0; dim < rows.cols(); ++dim) sum[dim] += row[dim];
      }
      for (int64_t dim = 0; dim < rows.cols(); ++dim) {
        centroids.row(c)[dim] = static_cast<float>(sum[dim] / clusters.size(c));
      }
    }
  });
}

// Moves every centroid to where its rows lose the least.
void MoveToLeastLoss(MatrixView<const float> rows, const PartitionLoss& loss,
                     const std::vector<float>& weights, const Clusters& clusters,
                     Executor* executor, MatrixView<float> centroids) {
  executor->ParallelFor(centroids.rows(), kCentroidGrain, [&](int64_t begin, int64_t end) {
    ProductCentroid centroid(rows, loss, weights);
    for (int64_t c = begin; c < end; ++c) {
      if (clusters.size(c) == 0) continue;
      centroid.Move(clusters.members.data() + clusters.begins[c], clusters.size(c),
                    centroids.row(c));
    }
  });
}

// Gives each empty cluster a row of the largest one, which counts as one smaller for the next.
void RestartEmpty(MatrixView<const float> rows, const Clusters& clusters, uint64_t seed,
                  int64_t iteration, MatrixView<float> centroids) {
  std::vector<std::pair<int64_t, int64_t>> heap;  // size, cluster
  for (int64_t c = 0; c < centroids.rows(); ++c) heap.push_back({clusters.size(c), -c});
  std::make_heap(heap.begin(), heap.end());
  for (int64_t c = 0; c < centroids.rows(); ++c) {
    if (clusters.size(c) > 0) continue;
    std::pop_heap(heap.begin(), heap.end());
    const int64_t largest = -heap.back().second;
    Random random(seed, kKMeansSplitStage, iteration * centroids.rows() + c);
    const int64_t member =
        clusters.begins[largest] + static_cast<int64_t>(random.Below(clusters.size(largest)));
    std::copy_n(rows.row(clusters.members[member]), rows.cols(), centroids.row(c));
    heap.back().first /= 2;
    std::push_heap(heap.begin(), heap.end());
  }
}

// Centroids, laid out for finding the one of least loss.
class LossMatrix {
 public:
  LossMatrix(MatrixView<const float> centroids, const PartitionLoss& loss)
      : packed_(centroids, /*nearest=*/true),
        extra_weight_(static_cast<float>(loss.extra_weight)),
        origin_(loss.origin) {
    if (extra_weight_ == 0) return;
    origin_products_.assign(centroids.rows(), 0.0f);
    for (int64_t c = 0; c < centroids.rows(); ++c) {
      double product = 0;
      for (int64_t dim = 0; dim < centroids.cols(); ++dim) {
        product += static_cast<double>(origin_[dim]) * centroids.row(c)[dim];
      }
      origin_products_[c] = static_cast<float>(product);
    }
  }

  void LeastLoss(MatrixView<const float> rows, int32_t* best) const {
    AlignedBuffer<float> gains;
    if (extra_weight_ == 0) return packed_.Nearest(rows, &gains, best);
    const int64_t padded = packed_.padded_count();
    gains.Resize(kProductRows * padded);
    for (int64_t begin = 0; begin < rows.rows(); begin += kProductRows) {
      const int64_t count = std::min(kProductRows, rows.rows() - begin);
      packed_.Multiply(rows.Rows(begin, count), gains.data());
      for (int64_t i = 0; i < count; ++i) {
        float* const gain = gains.data() + i * padded;
        AddExtraLoss(rows.row(begin + i), gain);
        const int64_t least = ActiveKernels().argmax(gain, padded);
        best[begin + i] = static_cast<int32_t>(least < packed_.count() ? least : 0);
      }
    }
  }

 private:
  // From gain[c] = x.c - |c|^2 / 2, that is (|x|^2 - |r|^2) / 2, to that minus half of what the
  // extra weight adds to the loss (plus a constant): with o the origin and y = x - o,
  //   gain + w p - w p^2 / (2 |y|^2),   p = y.(c - o) = x.c - o.c - o.y.
  void AddExtraLoss(const float* x, float* gain) const {
    double square = 0, origin_product = 0;
    for (size_t dim = 0; dim < origin_.size(); ++dim) {
      const double y = static_cast<double>(x[dim]) - origin_[dim];
      square += y * y;
      origin_product += origin_[dim] * y;
    }
    const float squared_norm = static_cast<float>(square);
    const float shift = static_cast<float>(origin_product);
    const float curvature = squared_norm > 0 ? extra_weight_ / (2 * squared_norm) : 0.0f;
    for (int64_t c = 0; c < packed_.count(); ++c) {
      const float product = gain[c] - packed_.bias(c) - origin_products_[c] - shift;
      gain[c] += (extra_weight_ - curvature * product) * product;
    }
  }

  const PackedMatrix packed_;
  const float extra_weight_;
  const std::vector<float> origin_;
  std::vector<float> origin_products_;  // o.c
};

}  // namespace

Status AssignToCentroids(MatrixView<const float> rows, MatrixView<const float> centroids,
                         const PartitionLoss& loss, const char* stage, const BuildContext& context,
                         std::vector<int32_t>* assignment) {
  const LossMatrix matrix(centroids, loss);
  assignment->resize(rows.rows());
  TFSCANN_RETURN_IF_ERROR(context.Report(stage, 0, rows.rows()));
  context.executor->ParallelFor(rows.rows(), kAssignGrain, [&](int64_t begin, int64_t end) {
    matrix.LeastLoss(rows.Rows(begin, end - begin), assignment->data() + begin);
  });
  return context.Report(stage, rows.rows(), rows.rows());
}

Result<std::vector<float>> KMeans(MatrixView<const float> rows, int64_t num_centroids,
                                  int64_t iterations, const BuildContext& context) {
  std::vector<float> values(num_centroids * rows.cols());
  const MatrixView<float> centroids(values.data(), num_centroids, rows.cols());
  const std::vector<int64_t> initial =
      SampleSorted(rows.rows(), num_centroids, context.seed, kKMeansInitStage);
  for (int64_t c = 0; c < num_centroids; ++c) {
    std::copy_n(rows.row(initial[c]), rows.cols(), centroids.row(c));
  }
  std::vector<int32_t> assignment;
  BuildContext quiet = context;
  quiet.progress = nullptr;
  for (int64_t iteration = 0; iteration < iterations; ++iteration) {
    TFSCANN_RETURN_IF_ERROR(context.Report("training leaves", iteration, iterations));
    TFSCANN_RETURN_IF_ERROR(AssignToCentroids(rows, centroids, {}, "", quiet, &assignment));
    const Clusters clusters = GroupByCluster(assignment, num_centroids);
    MoveToMeans(rows, clusters, context.executor, centroids);
    RestartEmpty(rows, clusters, context.seed, iteration, centroids);
  }
  TFSCANN_RETURN_IF_ERROR(context.Report("training leaves", iterations, iterations));
  return values;
}

Status MoveCentroids(MatrixView<const float> rows, const PartitionLoss& loss,
                     const std::vector<float>& weights, const BuildContext& context,
                     MatrixView<float> centroids) {
  std::vector<int32_t> assignment;
  BuildContext quiet = context;
  quiet.progress = nullptr;
  TFSCANN_RETURN_IF_ERROR(AssignToCentroids(rows, centroids, loss, "", quiet, &assignment));
  const Clusters clusters = GroupByCluster(assignment, centroids.rows());
  if (loss.extra_weight == 0 && weights.empty()) {
    MoveToMeans(rows, clusters, context.executor, centroids);
  } else {
    MoveToLeastLoss(rows, loss, weights, clusters, context.executor, centroids);
  }
  return context.CheckCancelled();
}

}  // namespace tfscann
