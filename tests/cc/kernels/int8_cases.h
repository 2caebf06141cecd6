// What every int8_dot_rows must do, whatever it is compiled for.
#ifndef TFSCANN_TESTS_KERNELS_INT8_CASES_H_
#define TFSCANN_TESTS_KERNELS_INT8_CASES_H_

#include <vector>

#include "cc/base/aligned_buffer.h"
#include "cc/kernels/kernels.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {

using Int8DotRows = decltype(Kernels::int8_dot_rows);

// `value()` gives the values; between and behind the rows stands junk, and where the query is
// padded with zeros the rows go on.
template <typename Value>
void CheckInt8DotRows(Int8DotRows kernel, int64_t num_rows, int64_t dims, int64_t gap,
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
  kernel(query.data(), rows.data(), stride, num_rows, dims, out.data());
  for (int64_t r = 0; r < num_rows; ++r) {
    int32_t expected = 0;
    for (int64_t dim = 0; dim < dims; ++dim) expected += query[dim] * rows[r * stride + dim];
    ASSERT_EQ(out[r], expected) << "row " << r << " of " << num_rows << ", " << dims << " dims";
  }
  ASSERT_EQ(out[num_rows], -77);
}

inline void CheckInt8DotRows(Int8DotRows kernel) {
  Random random(1, 0, 0);
  const auto any = [&] { return IntegerIn(&random, -127, 127); };
  const auto extreme = [&] { return random.Below(2) == 0 ? -127 : 127; };
  for (int64_t dims = 1; dims <= 130; ++dims) {
    for (const int64_t num_rows : {0, 1, 2, 3, 4, 5, 7, 9}) {
      CheckInt8DotRows(kernel, num_rows, dims, /*gap=*/RoundUp(dims, 4) - dims + 8, any);
    }
    CheckInt8DotRows(kernel, 5, dims, /*gap=*/0, extreme);
  }
  for (const int64_t dims : {255, 384, 1024}) {
    CheckInt8DotRows(kernel, 6, dims, 8, any);
    CheckInt8DotRows(kernel, 6, dims, 8, extreme);
  }
  // The largest sums there are.
  CheckInt8DotRows(kernel, 2, 16384, 8, [] { return 127; });
  CheckInt8DotRows(kernel, 2, 16384, 8, [] { return -127; });
}

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_KERNELS_INT8_CASES_H_
