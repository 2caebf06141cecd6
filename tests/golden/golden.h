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
inline std::string GoldenName(int64_t row) { return "candidate " + std::to_string(row); }
inline int64_t GoldenNumber(int64_t row) { return 1000000000000 + row; }

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_GOLDEN_GOLDEN_H_
