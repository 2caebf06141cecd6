// k-means: Lloyd's algorithm with Euclidean distance, or with a PartitionLoss.
#ifndef TFSCANN_BUILD_KMEANS_H_
#define TFSCANN_BUILD_KMEANS_H_

#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/build/config.h"
#include "cc/build/partition_loss.h"

namespace tfscann {

// The centroid of least loss for each row. Cancelled if the executor was.
Status AssignToCentroids(MatrixView<const float> rows, MatrixView<const float> centroids,
                         const PartitionLoss& loss, const char* stage, const BuildContext& context,
                         std::vector<int32_t>* assignment);

// num_centroids x rows.cols() centres of the rows by Euclidean distance; there are at least
// num_centroids rows. A centre that loses its last row starts again at a row of the largest
// cluster. The result depends on the rows and the seed alone, not on threads.
Result<std::vector<float>> KMeans(MatrixView<const float> rows, int64_t num_centroids,
                                  int64_t iterations, const BuildContext& context);

// One iteration more, with any loss: moves each centroid to where the rows assigned to it lose the
// least, each loss being multiplied with the row's weight. No weights: all are the same. One
// without rows stays.
Status MoveCentroids(MatrixView<const float> rows, const PartitionLoss& loss,
                     const std::vector<float>& weights, const BuildContext& context,
                     MatrixView<float> centroids);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_KMEANS_H_
