// The oracle of search: every row scored in double precision, sorted.
#ifndef TFSCANN_TESTS_TESTING_BRUTE_FORCE_H_
#define TFSCANN_TESTS_TESTING_BRUTE_FORCE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/search/options.h"

namespace tfscann::testing {

// Dot product, cosine or squared Euclidean distance, by definition.
inline double ExactScore(DistanceMeasure measure, const float* query, const float* row,
                         int64_t dims) {
  double dot = 0, query_squared = 0, row_squared = 0, distance = 0;
  for (int64_t i = 0; i < dims; ++i) {
    const double q = query[i], x = row[i];
    dot += q * x;
    query_squared += q * q;
    row_squared += x * x;
    distance += (q - x) * (q - x);
  }
  switch (measure) {
    case DistanceMeasure::kDotProduct:
      return dot;
    case DistanceMeasure::kCosine:
      return dot == 0 ? 0 : dot / std::sqrt(query_squared) / std::sqrt(row_squared);
    case DistanceMeasure::kSquaredL2:
      return distance;
  }
  return 0;
}

struct Neighbor {
  double score;
  int32_t row;
};

// The best k rows that are not excluded, best first, of equal scores the lower row first.
inline std::vector<Neighbor> BruteForce(DistanceMeasure measure, MatrixView<const float> rows,
                                        const float* query, int64_t k,
                                        const std::set<int32_t>& excluded = {}) {
  std::vector<Neighbor> all;
  for (int64_t i = 0; i < rows.rows(); ++i) {
    const int32_t row = static_cast<int32_t>(i);
    if (excluded.count(row) > 0) continue;
    all.push_back({ExactScore(measure, query, rows.row(i), rows.cols()), row});
  }
  const double sign = measure == DistanceMeasure::kSquaredL2 ? 1 : -1;
  std::stable_sort(all.begin(), all.end(), [&](const Neighbor& a, const Neighbor& b) {
    return sign * a.score < sign * b.score;
  });
  if (static_cast<int64_t>(all.size()) > k) all.resize(k);
  return all;
}

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_TESTING_BRUTE_FORCE_H_
