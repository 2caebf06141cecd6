// Exact search: every row is scored. The whole of an exact index; also what recall is measured
// against.
#ifndef TFSCANN_SEARCH_EXACT_H_
#define TFSCANN_SEARCH_EXACT_H_

#include "cc/base/matrix_view.h"
#include "cc/kernels/kernels.h"
#include "cc/search/options.h"
#include "cc/search/scratch.h"

namespace tfscann {

// Rows scored at a time: their floats stay in the cache while the queries of a batch pass by.
inline constexpr int64_t kExactBlockRows = 128;

// Leaves the best k rows of [first_row, first_row + rows.rows()) for query i in tops[i], on top of
// what is there. `queries` are padded as kernels want them; rows may be over-read.
// `skip(query, row)` is asked before a row is kept.
template <typename Skip>
void ScoreAllRows(DistanceMeasure measure, MatrixView<const float> queries,
                  MatrixView<const float> rows, int64_t first_row, const Skip& skip,
                  AlignedBuffer<float>* scores, TopKeys* tops) {
  const bool squared_l2 = measure == DistanceMeasure::kSquaredL2;
  const auto score_rows = squared_l2 ? ActiveKernels().squared_l2_rows : ActiveKernels().dot_rows;
  scores->Resize(queries.rows() * kExactBlockRows);
  for (int64_t begin = 0; begin < rows.rows(); begin += kExactBlockRows) {
    const int64_t count = std::min(kExactBlockRows, rows.rows() - begin);
    score_rows(queries.data(), queries.stride(), queries.rows(), rows.row(begin), rows.stride(),
               count, rows.cols(), scores->data(), kExactBlockRows);
    for (int64_t q = 0; q < queries.rows(); ++q) {
      const float* block = scores->data() + q * kExactBlockRows;
      for (int64_t r = 0; r < count; ++r) {
        const float score = squared_l2 ? -block[r] : block[r];
        if (!(score == score)) continue;  // of overflowing products
        const uint32_t bits = OrderedBits(score);
        if (bits < tops[q].threshold()) continue;
        const int64_t row = first_row + begin + r;
        if (!skip(q, row)) tops[q].Add(MakeKey(bits, static_cast<uint32_t>(row)));
      }
    }
  }
}

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_EXACT_H_
