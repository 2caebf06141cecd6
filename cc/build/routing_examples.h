// Queries whose neighbours are known, to learn routing from.
#ifndef TFSCANN_BUILD_ROUTING_EXAMPLES_H_
#define TFSCANN_BUILD_ROUTING_EXAMPLES_H_

#include <cstdint>
#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/build/config.h"
#include "cc/search/index.h"

namespace tfscann {

struct RoutingExamples {
  int64_t dims = 0;
  int64_t k = 0;
  std::vector<float> queries;       // [size x dims], of unit length
  std::vector<int32_t> neighbours;  // [size x k] rows, -1 behind the last that was found

  int64_t size() const { return dims == 0 ? 0 : static_cast<int64_t>(queries.size()) / dims; }
  const float* query(int64_t i) const { return queries.data() + i * dims; }
  // The neighbours of a query.
  Span<const int32_t> Of(int64_t i) const;
};

// Rows, each without itself among its neighbours, made-up users, and the given queries, if there
// are any: as many of each kind. Neighbours, `k` or sixteen at most, are what the index finds with
// much effort.
Result<RoutingExamples> MakeRoutingExamples(const Index& index, MatrixView<const float> rows,
                                            MatrixView<const float> given, int64_t k,
                                            const BuildContext& context);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_ROUTING_EXAMPLES_H_
