#include "cc/search/rank.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "cc/base/aligned_buffer.h"
#include "cc/search/packed_matrix.h"

namespace tfscann {

namespace {

// Queries of a thread at a time, which stay in its second-level cache, and floats of candidates,
// which stay in its first.
constexpr int64_t kQueriesPerTask = 128;
constexpr int64_t kCandidateFloats = 4096;

}  // namespace

void CountHigher(MatrixView<const float> queries, MatrixView<const float> candidates,
                 const float* scores, Executor* executor, int32_t* counts) {
  const int64_t dims = queries.cols();
  if (dims == 0) {
    for (int64_t q = 0; q < queries.rows(); ++q) {
      counts[q] = 0 <= scores[q] ? 0 : static_cast<int32_t>(candidates.rows());
    }
    return;
  }
  const int64_t step = std::max(kCandidateFloats / dims / kProductRows, int64_t{1}) * kProductRows;
  executor->ParallelFor(queries.rows(), kQueriesPerTask, [&](int64_t begin, int64_t end) {
    const PackedMatrix packed(queries.Rows(begin, end - begin), /*nearest=*/false);
    std::vector<float> thresholds(packed.padded_count(), std::numeric_limits<float>::infinity());
    std::vector<int32_t> totals(packed.padded_count(), 0);
    std::copy(scores + begin, scores + end, thresholds.begin());
    for (int64_t row = 0; row < candidates.rows(); row += step) {
      const int64_t count = std::min(step, candidates.rows() - row);
      packed.CountAbove(candidates.Rows(row, count), thresholds.data(), totals.data());
    }
    std::copy_n(totals.begin(), end - begin, counts + begin);
  });
}

}  // namespace tfscann
