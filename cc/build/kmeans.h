// k-means: Lloyd's algorithm with Euclidean distance, or with a loss made for dot products.
//
// The loss of a row x of centroid c is |r|^2 + extra_weight (r.x / |x|)^2, r = x - c. The part of
// an error that lies along a row is what moves its products with the queries that want it (Guo et
// al., "Accelerating Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020).
// extra_weight is 0 for Euclidean distance, and at most 1.
#ifndef TFSCANN_BUILD_KMEANS_H_
#define TFSCANN_BUILD_KMEANS_H_

#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/build/config.h"

namespace tfscann {

// The centroid of least loss for each row. Cancelled if the executor was.
Status AssignToCentroids(MatrixView<const float> rows, MatrixView<const float> centroids,
                         double extra_weight, const char* stage, const BuildContext& context,
                         std::vector<int32_t>* assignment);

// num_centroids x rows.cols() centres of the rows by Euclidean distance; there are at least
// num_centroids rows. A centre that loses its last row starts again at a row of the largest
// cluster. The result depends on the rows and the seed alone, not on threads.
Result<std::vector<float>> KMeans(MatrixView<const float> rows, int64_t num_centroids,
                                  int64_t iterations, const BuildContext& context);

// One iteration more, with any loss: moves each centroid to where the rows assigned to it lose the
// least. One without rows stays.
Status MoveCentroids(MatrixView<const float> rows, double extra_weight, const BuildContext& context,
                     MatrixView<float> centroids);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_KMEANS_H_
