// Stages 4 and 5: from the best approximate candidates to exactly scored results.
#ifndef TFSCANN_SEARCH_REORDERER_H_
#define TFSCANN_SEARCH_REORDERER_H_

#include "cc/search/index_parts.h"
#include "cc/search/scratch.h"

namespace tfscann {

// Merges the copies in scratch->top_codes (a candidate has the better of its two scores), scores
// the best num_reordering_candidates with their int8 rows and the best of those with their float32
// rows (int8 rows where the index has no others), and leaves the best k rows in scratch->top_rows,
// keyed by their final scores. With num_reordering_candidates >= num_candidates the int8 stage is
// passed over and every candidate that was given gets its final score.
void Reorder(const IndexParts& parts, int64_t k, int64_t num_reordering_candidates,
             SearchScratch* scratch);

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_REORDERER_H_
