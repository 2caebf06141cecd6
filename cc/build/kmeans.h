// k-means with Euclidean distance (Lloyd's algorithm).
#ifndef TFSCANN_BUILD_KMEANS_H_
#define TFSCANN_BUILD_KMEANS_H_

#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/build/config.h"

namespace tfscann {

// The nearest of `centroids` to each row. Cancelled if the executor was.
Status AssignToNearest(MatrixView<const float> rows, MatrixView<const float> centroids,
                       const char* stage, const BuildContext& context,
                       std::vector<int32_t>* nearest);

// num_centroids x rows.cols() centres of the rows, of which there are at least num_centroids. A
// centre that loses its last row starts again at a row of the largest cluster. The result depends
// on the rows and the seed alone, not on threads.
Result<std::vector<float>> KMeans(MatrixView<const float> rows, int64_t num_centroids,
                                  int64_t iterations, const BuildContext& context);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_KMEANS_H_
