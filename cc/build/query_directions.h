// Directions that queries have more of than of others.
//
// An error e of a code makes a product with a query q wrong by q.e, whose mean square is e'Ce, C
// being the second moment of queries (Guo, Kumar, Choromanski and Simcha, "Quantization based Fast
// Inner Product Search", AISTATS 2016). Candidates, at a length of 1, stand for queries; and a
// multiple of the identity with a few directions for C: of GloVe one direction has a fifth of all.
#ifndef TFSCANN_BUILD_QUERY_DIRECTIONS_H_
#define TFSCANN_BUILD_QUERY_DIRECTIONS_H_

#include <cstdint>
#include <vector>

#include "cc/base/matrix_view.h"

namespace tfscann {

struct QueryDirections {
  std::vector<float> vectors;  // [count x dims], orthonormal
  // [count] the mean square along each, over what it is along those at right angles to all, less 1;
  // above 0, at most 100.
  std::vector<float> weights;

  int64_t count() const { return static_cast<int64_t>(weights.size()); }
};

// The first principal directions of a sample of the rows about zero, as far as they have more than
// others; none where there are few dimensions. `rows` are the candidates: queries are as yet
// unknown, and those to tune with are kept for measuring.
QueryDirections FindQueryDirections(MatrixView<const float> rows, uint64_t seed);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_QUERY_DIRECTIONS_H_
