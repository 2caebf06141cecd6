// Learning how many leaves a query needs.
#ifndef TFSCANN_BUILD_LEAF_DEMAND_H_
#define TFSCANN_BUILD_LEAF_DEMAND_H_

#include <cstdint>
#include <vector>

#include "cc/search/options.h"

namespace tfscann {

// A query whose neighbours are known.
struct LeafDemandExample {
  LeafStatistics statistics;
  int64_t needed;  // leaves, at least 1
};

// Leaves of a ranking, best first, after which a query has found nine tenths of its neighbours: the
// last ones, which may stand anywhere, would only add noise. `ranks` are the places, from 0, of the
// first leaf that holds each neighbour; they are reordered. Needs a neighbour or more.
int64_t NeededLeaves(std::vector<int64_t>* ranks);

// Three quarters of what least squares of log(needed) on the statistics says; shifted so that the
// examples' factors are 1 on average. Examples whose statistics are NaN or infinite are left out;
// zeros if too few remain.
LeafDemand FitLeafDemand(std::vector<LeafDemandExample> examples);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_LEAF_DEMAND_H_
