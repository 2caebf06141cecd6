// Stage 3: approximate scores of all candidates in the chosen leaves.
#ifndef TFSCANN_SEARCH_SCORER_H_
#define TFSCANN_SEARCH_SCORER_H_

#include "cc/search/index_parts.h"
#include "cc/search/scratch.h"

namespace tfscann {

// Leaves the best `keep` positions, less those of excluded rows, in scratch->top_codes. A candidate
// of an index with SOAR may be there twice.
void ScoreChosenLeaves(const IndexParts& parts, int64_t keep, SearchScratch* scratch);

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_SCORER_H_
