// Data on which float arithmetic is exact, and configurations of small trees.
#ifndef TFSCANN_TESTS_SEARCH_EXACT_CONFIG_H_
#define TFSCANN_TESTS_SEARCH_EXACT_CONFIG_H_

#include <limits>

#include "cc/build/config.h"
#include "cc/search/options.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/brute_force.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/search.h"

namespace tfscann::testing {

inline constexpr DistanceMeasure kAllMeasures[] = {
    DistanceMeasure::kDotProduct, DistanceMeasure::kCosine, DistanceMeasure::kSquaredL2};

inline const char* NameOf(DistanceMeasure measure) {
  return kDistanceMeasureNames[static_cast<int>(measure)];
}

// Rows or queries whose scores are exact, with ties. The last is zero, unless it is the only one.
inline Matrix ExactMatrix(DistanceMeasure measure, int64_t rows, int64_t dims, uint64_t seed) {
  Matrix matrix = measure == DistanceMeasure::kCosine ? ExactCosineMatrix(rows, dims, seed)
                                                      : IntegerMatrix(rows, dims, seed);
  if (rows > 1) std::fill_n(matrix.row(rows - 1), dims, 0.0f);
  return matrix;
}

inline BuildConfig ExactConfig(DistanceMeasure measure) {
  BuildConfig config;
  config.distance_measure = measure;
  return config;
}

// A tree that is quickly built. How much is searched is left to the search.
inline BuildConfig TreeConfig(DistanceMeasure measure, int64_t num_leaves, bool soar = true) {
  BuildConfig config;
  config.distance_measure = measure;
  config.num_leaves = num_leaves;
  config.num_leaves_to_search = 1;
  config.num_reordering_candidates = 20;
  config.training_iterations = 2;
  config.soar_lambda = soar ? 1.0 : 0.0;
  return config;
}

// What a search of one query must return, literally.
inline Results Expected(DistanceMeasure measure, const Matrix& rows, const float* query, int64_t k,
                        const std::set<int32_t>& excluded = {}) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float missing = measure == DistanceMeasure::kSquaredL2 ? infinity : -infinity;
  Results expected = {k, std::vector<float>(k, missing), std::vector<int32_t>(k, -1)};
  const std::vector<Neighbor> neighbors = BruteForce(measure, rows, query, k, excluded);
  for (size_t i = 0; i < neighbors.size(); ++i) {
    expected.scores[i] = static_cast<float>(neighbors[i].score);
    expected.rows[i] = neighbors[i].row;
  }
  return expected;
}

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_SEARCH_EXACT_CONFIG_H_
