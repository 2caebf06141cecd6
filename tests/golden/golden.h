// What the golden index files hold: whole numbers, so that scores are exact on every CPU.
#ifndef TFSCANN_TESTS_GOLDEN_GOLDEN_H_
#define TFSCANN_TESTS_GOLDEN_GOLDEN_H_

#include <cstdint>
#include <string>

#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {

inline constexpr int64_t kGoldenRows = 50;
inline constexpr int64_t kGoldenDims = 8;

inline Matrix GoldenRows() { return IntegerMatrix(kGoldenRows, kGoldenDims, 2024, 9); }
// Of the index with branches.
inline constexpr int64_t kGoldenLeaves = 256;
inline Matrix ManyGoldenRows() { return IntegerMatrix(300, kGoldenDims, 2025, 9); }
// Of the index that has learned to rank leaves: every second row is longer.
inline Matrix UnevenGoldenRows() {
  Matrix rows = ManyGoldenRows();
  for (int64_t i = 0; i < rows.rows(); i += 2) {
    for (int64_t dim = 0; dim < kGoldenDims; ++dim) rows.row(i)[dim] *= 3;
  }
  return rows;
}
inline std::string GoldenName(int64_t row) { return "candidate " + std::to_string(row); }
inline int64_t GoldenNumber(int64_t row) { return 1000000000000 + row; }

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_GOLDEN_GOLDEN_H_
