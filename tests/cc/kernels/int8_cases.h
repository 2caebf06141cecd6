// What every int8 kernel must do, whatever it is compiled for.
#ifndef TFSCANN_TESTS_KERNELS_INT8_CASES_H_
#define TFSCANN_TESTS_KERNELS_INT8_CASES_H_

#include <algorithm>
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

// With these of the groups, in this order.
template <typename Value>
void CheckInt8DotPacked(Int8DotPacked kernel, const std::vector<int32_t>& groups, int64_t dims,
                        const Value& value) {
  const int64_t num_rows =
      groups.empty() ? 0 : (1 + *std::max_element(groups.begin(), groups.end())) * kInt8PackedRows;
  std::vector<std::vector<int8_t>> rows(num_rows);
  std::vector<int8_t> query;
  for (int64_t dim = 0; dim < dims; ++dim) query.push_back(static_cast<int8_t>(value()));
  for (std::vector<int8_t>& row : rows) {
    for (int64_t dim = 0; dim < dims; ++dim) row.push_back(static_cast<int8_t>(value()));
  }
  std::vector<int8_t> packed;
  for (int64_t first = 0; first < num_rows; first += kInt8PackedRows) {
    for (int64_t dim = 0; dim < dims; dim += 4) {
      for (int64_t r = first; r < first + kInt8PackedRows; ++r) {
        packed.insert(packed.end(), rows[r].begin() + dim, rows[r].begin() + dim + 4);
      }
    }
  }
  // As long as queries are promised to be.
  query.resize(RoundUp(dims, 64), 0);
  // One more place, which must stay as it is.
  const int64_t num_products = static_cast<int64_t>(groups.size()) * kInt8PackedRows;
  std::vector<int32_t> out(num_products + 1, -77);
  kernel(query.data(), packed.data(), groups.data(), static_cast<int64_t>(groups.size()), dims,
         out.data());
  for (int64_t i = 0; i < num_products; ++i) {
    const std::vector<int8_t>& row =
        rows[groups[i / kInt8PackedRows] * kInt8PackedRows + i % kInt8PackedRows];
    int32_t expected = 0;
    for (int64_t dim = 0; dim < dims; ++dim) expected += query[dim] * row[dim];
    ASSERT_EQ(out[i], expected) << "product " << i << " of " << num_products;
  }
  ASSERT_EQ(out[num_products], -77);
}

inline void CheckInt8DotPacked(Int8DotPacked kernel) {
  Random random(2, 0, 0);
  const auto any = [&] { return IntegerIn(&random, -127, 127); };
  const auto extreme = [&] { return random.Below(2) == 0 ? -127 : 127; };
  for (const int64_t dims : {4, 8, 20, 100, 128}) {
    std::vector<int32_t> groups;
    for (int32_t count = 0; count < 10; ++count) {
      CheckInt8DotPacked(kernel, groups, dims, any);
      groups.push_back(count);
    }
    CheckInt8DotPacked(kernel, {7, 2, 2, 11, 0, 5}, dims, any);
    CheckInt8DotPacked(kernel, {0}, dims, extreme);
  }
  CheckInt8DotPacked(kernel, {0}, 16384, [] { return 127; });
  CheckInt8DotPacked(kernel, {0, 1, 2, 3}, 16384, [] { return -127; });
}

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_KERNELS_INT8_CASES_H_
