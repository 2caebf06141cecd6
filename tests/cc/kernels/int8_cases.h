// What every int8 kernel must do, whatever it is compiled for.
#ifndef TFSCANN_TESTS_KERNELS_INT8_CASES_H_
#define TFSCANN_TESTS_KERNELS_INT8_CASES_H_

#include <vector>

#include "cc/base/aligned_buffer.h"
#include "cc/kernels/kernels.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {

using Int8DotGathered = decltype(Kernels::int8_dot_gathered);
using Int8DotPacked = decltype(Kernels::int8_dot_packed);

// `value()` gives the values; between and behind the rows stands junk, and where the query is
// padded with zeros the rows go on.
template <typename Value>
void CheckInt8DotGathered(Int8DotGathered kernel, int64_t num_rows, int64_t dims, int64_t gap,
                          const Value& value) {
  const int64_t stride = dims + gap;
  std::vector<int8_t> query(RoundUp(dims, 64), 0);
  std::vector<int8_t> rows(num_rows * stride + kInt8Overread, int8_t{-1});
  for (int64_t dim = 0; dim < dims; ++dim) query[dim] = static_cast<int8_t>(value());
  for (int64_t r = 0; r < num_rows; ++r) {
    for (int64_t dim = 0; dim < dims; ++dim) rows[r * stride + dim] = static_cast<int8_t>(value());
  }
  // One more place, which must stay as it is.
  std::vector<int32_t> out(num_rows + 1, -77);
  // Last rows first, and one of them again.
  std::vector<int32_t> order;
  for (int64_t i = 0; i < num_rows; ++i) {
    order.push_back(static_cast<int32_t>(i == 1 ? num_rows - 1 : num_rows - 1 - i));
  }
  kernel(query.data(), rows.data(), stride, order.data(), num_rows, dims, out.data());
  for (int64_t i = 0; i < num_rows; ++i) {
    const int8_t* row = rows.data() + order[i] * stride;
    int32_t expected = 0;
    for (int64_t dim = 0; dim < dims; ++dim) expected += query[dim] * row[dim];
    ASSERT_EQ(out[i], expected) << "row " << i << " of " << num_rows << ", " << dims << " dims";
  }
  ASSERT_EQ(out[num_rows], -77);
}

inline void CheckInt8DotGathered(Int8DotGathered kernel) {
  Random random(1, 0, 0);
  const auto any = [&] { return IntegerIn(&random, -127, 127); };
  const auto extreme = [&] { return random.Below(2) == 0 ? -127 : 127; };
  for (int64_t dims = 1; dims <= 130; ++dims) {
    for (const int64_t num_rows : {0, 1, 2, 3, 4, 5, 7, 9}) {
      CheckInt8DotGathered(kernel, num_rows, dims, /*gap=*/RoundUp(dims, 4) - dims + 8, any);
    }
    CheckInt8DotGathered(kernel, 5, dims, /*gap=*/0, extreme);
  }
  for (const int64_t dims : {255, 384, 1024}) {
    CheckInt8DotGathered(kernel, 6, dims, 8, any);
    CheckInt8DotGathered(kernel, 6, dims, 8, extreme);
  }
  // The largest sums there are.
  CheckInt8DotGathered(kernel, 2, 16384, 8, [] { return 127; });
  CheckInt8DotGathered(kernel, 2, 16384, 8, [] { return -127; });
}

template <typename Value>
void CheckInt8DotPacked(Int8DotPacked kernel, int64_t num_queries, int64_t num_groups, int64_t dims,
                        const Value& value) {
  const int64_t num_rows = num_groups * kInt8PackedRows;
  std::vector<std::vector<int8_t>> queries(num_queries), rows(num_rows);
  for (auto* matrix : {&queries, &rows}) {
    for (std::vector<int8_t>& row : *matrix) {
      for (int64_t dim = 0; dim < dims; ++dim) row.push_back(static_cast<int8_t>(value()));
    }
  }
  std::vector<int8_t> packed;
  for (int64_t first = 0; first < num_rows; first += kInt8PackedRows) {
    for (int64_t dim = 0; dim < dims; dim += 4) {
      for (int64_t r = first; r < first + kInt8PackedRows; ++r) {
        packed.insert(packed.end(), rows[r].begin() + dim, rows[r].begin() + dim + 4);
      }
    }
  }
  // One more place, which must stay as it is.
  std::vector<std::vector<int32_t>> out(num_queries, std::vector<int32_t>(num_rows + 1, -77));
  std::vector<const int8_t*> query_pointers;
  std::vector<int32_t*> out_pointers;
  for (int64_t q = 0; q < num_queries; ++q) {
    // As long as queries are promised to be.
    queries[q].resize(RoundUp(dims, 64), 0);
    query_pointers.push_back(queries[q].data());
    out_pointers.push_back(out[q].data());
  }
  kernel(query_pointers.data(), num_queries, packed.data(), num_groups, dims, out_pointers.data());
  for (int64_t q = 0; q < num_queries; ++q) {
    for (int64_t r = 0; r < num_rows; ++r) {
      int32_t expected = 0;
      for (int64_t dim = 0; dim < dims; ++dim) expected += queries[q][dim] * rows[r][dim];
      ASSERT_EQ(out[q][r], expected) << "query " << q << " of " << num_queries << ", row " << r;
    }
    ASSERT_EQ(out[q][num_rows], -77);
  }
}

inline void CheckInt8DotPacked(Int8DotPacked kernel) {
  Random random(2, 0, 0);
  const auto any = [&] { return IntegerIn(&random, -127, 127); };
  const auto extreme = [&] { return random.Below(2) == 0 ? -127 : 127; };
  for (const int64_t dims : {4, 8, 20, 100, 128}) {
    for (int64_t num_queries = 0; num_queries < 10; ++num_queries) {
      for (const int64_t num_groups : {0, 1, 3, 4, 9}) {
        CheckInt8DotPacked(kernel, num_queries, num_groups, dims, any);
      }
      CheckInt8DotPacked(kernel, num_queries, 1, dims, extreme);
    }
  }
  CheckInt8DotPacked(kernel, 1, 1, 16384, [] { return 127; });
  CheckInt8DotPacked(kernel, 4, 1, 16384, [] { return -127; });
}

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_KERNELS_INT8_CASES_H_
