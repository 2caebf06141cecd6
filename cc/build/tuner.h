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
  double measured_recall;
};

// The cheapest num_leaves_to_search and num_reordering_candidates, where `config` leaves them open,
// with which `index` reaches config.target_recall on a sample of its own rows, each being left out
// of its own results; the most thorough ones if none does. `rows` are the candidates as exact
// search sees them. Cheapness is a fixed formula of the work done, not a clock: the same data and
// seed give the same answer on every machine.
Result<Tuning> Tune(const Index& index, MatrixView<const float> rows, const BuildConfig& config,
                    const BuildContext& context);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_TUNER_H_
