#include "cc/search/rank.h"

#include <cmath>
#include <limits>
#include <vector>

#include "cc/base/executor.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<int32_t> Counts(const Matrix& queries, const Matrix& candidates,
                            const std::vector<float>& scores, int threads = 1) {
  std::vector<int32_t> counts(queries.rows(), -77);
  ThreadExecutor executor(threads);
  CountHigher(queries, candidates, scores.data(), &executor, counts.data());
  return counts;
}

// Whole numbers, many products of which are equal.
TEST(RankTest, CountsWhatScoresHigher) {
  for (const int64_t dims : {1, 8, 100, 5000}) {
    for (const int64_t num_queries : {1, 16, 17, 300}) {
      for (const int64_t num_candidates : {0, 1, 35, 500}) {
        if (dims * num_queries * num_candidates > 10000000) continue;
        const Matrix queries = IntegerMatrix(num_queries, dims, 1);
        const Matrix candidates = IntegerMatrix(num_candidates, dims, 2);
        const Matrix chosen = IntegerMatrix(num_queries, dims, 3);
        const auto product = [&](int64_t q, const float* row) {
          float sum = 0;
          for (int64_t i = 0; i < dims; ++i) sum += queries.row(q)[i] * row[i];
          return sum;
        };
        std::vector<float> scores(num_queries);
        std::vector<int32_t> expected(num_queries, 0);
        for (int64_t q = 0; q < num_queries; ++q) {
          scores[q] =
              product(q, num_candidates > 0 && q % 2 == 0 ? candidates.row(q % num_candidates)
                                                          : chosen.row(q));
          for (int64_t c = 0; c < num_candidates; ++c) {
            expected[q] += product(q, candidates.row(c)) > scores[q];
          }
        }
        EXPECT_EQ(Counts(queries, candidates, scores), expected);
        EXPECT_EQ(Counts(queries, candidates, scores, /*threads=*/3), expected);
      }
    }
  }
}

TEST(RankTest, WhatIsNoNumberIsHigher) {
  const Matrix queries = MakeMatrix(5, 1, [] { return 1.0f; });
  Matrix candidates = MakeMatrix(20, 1, [] { return 1.0f; });
  candidates.row(3)[0] = kNan;
  candidates.row(17)[0] = kInfinity;
  candidates.row(18)[0] = -kInfinity;
  EXPECT_EQ(Counts(queries, candidates, {1.0f, 0.5f, kNan, kInfinity, -kInfinity}),
            (std::vector<int32_t>{2, 19, 20, 1, 19}));
}

TEST(RankTest, NoDimensions) {
  EXPECT_EQ(Counts(Matrix(3, 0), Matrix(5, 0), {0.0f, -1.0f, kNan}),
            (std::vector<int32_t>{0, 5, 5}));
}

TEST(RankTest, NoQueries) { EXPECT_TRUE(Counts(Matrix(0, 3), Matrix(5, 3), {}).empty()); }

}  // namespace
}  // namespace tfscann::testing
