// Choosing how much a search does, by measuring it.
#ifndef TFSCANN_BUILD_TUNER_H_
#define TFSCANN_BUILD_TUNER_H_

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/build/config.h"
#include "cc/search/index.h"

namespace tfscann {

struct Tuning {
  int64_t num_leaves_to_search;
  int64_t num_reordering_candidates;
  double measured_recall;  // on the queries given, or else on the rows
  LeafDemand leaf_demand;
};

// Queries that recall is measured with, at most.
inline constexpr int64_t kMaxTuningQueries = 2048;

// First the LeafDemand of the queries below; then the cheapest num_leaves_to_search and
// num_reordering_candidates, where `config` leaves them open, with which `index` reaches
// config.target_recall; the most thorough ones if none does. `rows` are the candidates as exact
// search sees them.
//
// Recall is measured on a sample of `queries`. Where there are none, it is measured on a sample of
// the rows, each being left out of its own results, and if the measure is dot_product and the rows'
// lengths differ, as those of a trained two-tower model do, queries are likely to be distributed
// unlike the rows, and harder. Then the target must be reached, too, by made-up users: a few rows
// that they like minus a few that they do not.
//
// Cheapness is a fixed formula of the work done, not a clock: the same data and seed give the same
// answer on every machine with the same kernels.
Result<Tuning> Tune(const Index& index, MatrixView<const float> rows,
                    MatrixView<const float> queries, const BuildConfig& config,
                    const BuildContext& context);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_TUNER_H_
