// Identifiers between the index and tensors.
#ifndef TFSCANN_TF_IDENTIFIER_TENSORS_H_
#define TFSCANN_TF_IDENTIFIER_TENSORS_H_

#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/search/index.h"
#include "tensorflow/core/framework/tensor.h"

namespace tfscann {

// The tensor type of the index's identifiers; int32 for row numbers.
tensorflow::DataType IdentifierDataType(const Identifiers& identifiers);

// Writes the identifiers of `rows` to `out`, whose type must be the index's: -1, "" or NaN for
// row -1.
void WriteIdentifiers(const Identifiers& identifiers, Span<const int32_t> rows,
                      tensorflow::Tensor* out);

// The rows that each query excludes, with the vectors behind them.
struct ExcludedRows {
  std::vector<int32_t> rows;
  std::vector<int64_t> splits;

  Exclusions View() const { return {rows, splits}; }
};

// Finds the rows of the identifiers that each of num_queries queries excludes. `values` is
// [num_queries, m] with no splits; or [total] with num_queries + 1 splits; or [0] with none. Of the
// index's identifier type.
absl::Status FindExcludedRows(const Index& index, const tensorflow::Tensor& values,
                              const tensorflow::Tensor* splits, int64_t num_queries,
                              ExcludedRows* excluded);

}  // namespace tfscann

#endif  // TFSCANN_TF_IDENTIFIER_TENSORS_H_
