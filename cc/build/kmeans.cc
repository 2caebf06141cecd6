#include "cc/build/kmeans.h"

#include <algorithm>
#include <numeric>

#include "cc/build/sample.h"
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

}  // namespace

Status AssignToNearest(MatrixView<const float> rows, MatrixView<const float> centroids,
                       const char* stage, const BuildContext& context,
                       std::vector<int32_t>* nearest) {
  const PackedMatrix packed(centroids, /*nearest=*/true);
  nearest->resize(rows.rows());
  TFSCANN_RETURN_IF_ERROR(context.Report(stage, 0, rows.rows()));
  context.executor->ParallelFor(rows.rows(), kAssignGrain, [&](int64_t begin, int64_t end) {
    AlignedBuffer<float> work;
    packed.Nearest(rows.Rows(begin, end - begin), &work, nearest->data() + begin);
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
    TFSCANN_RETURN_IF_ERROR(AssignToNearest(rows, centroids, "", quiet, &assignment));
    const Clusters clusters = GroupByCluster(assignment, num_centroids);
    MoveToMeans(rows, clusters, context.executor, centroids);
    RestartEmpty(rows, clusters, context.seed, iteration, centroids);
  }
  TFSCANN_RETURN_IF_ERROR(context.Report("training leaves", iterations, iterations));
  return values;
}

}  // namespace tfscann
