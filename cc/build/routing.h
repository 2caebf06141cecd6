// Learning what ranks leaves for dot_product, from queries whose neighbours are known.
//
// Where lengths differ, a leaf's centroid and radius say too little: few of its candidates are ever
// among the results, those that are long for their direction. Routing vectors v and offsets o,
// which start as centroids and radii, are moved to where
//   p(leaf | q) ~ exp(t (q.v + o)),   |q| = 1,
// says best in which leaves the neighbours x of queries q stand: to the least
//   mean of -log(sum of p(leaf | q) for the leaves that x stands in).
// Vecchiato, Lucchese, Nardini and Bruch ("A Learning-to-Rank Formulation of Clustering-Based
// Approximate Nearest Neighbor Search", SIGIR 2024) learn vectors so, for the best candidate, which
// stands in one leaf.
#ifndef TFSCANN_BUILD_ROUTING_H_
#define TFSCANN_BUILD_ROUTING_H_

#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/build/config.h"
#include "cc/search/index.h"

namespace tfscann {

// Leaves are to be searched in the order of p(leaf | q) over their cost: their candidates, and so
// many more for the start.
inline constexpr double kLeafStart = 200;

struct Routing {
  std::vector<float> vectors;  // [leaves x dimensions]
  std::vector<float> offsets;
};

// With fewer leaves nearly all are looked at anyway.
inline constexpr int64_t kMinRoutedLeaves = 64;

// For an index whose leaves are ranked by their centroids. `rows` are its candidates, of which some
// are not zero. It is learned from `queries`, and from rows and made-up users (routing_examples.h).
// Empty if queries that were kept out of it do not find their neighbours at less cost.
Result<Routing> LearnRouting(const Index& index, MatrixView<const float> rows,
                             MatrixView<const float> queries, int64_t k,
                             const BuildContext& context);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_ROUTING_H_
