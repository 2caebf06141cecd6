// Stage 3: approximate scores of all candidates in the chosen leaves.
#ifndef TFSCANN_SEARCH_SCORER_H_
#define TFSCANN_SEARCH_SCORER_H_

#include "cc/search/index_parts.h"
#include "cc/search/scratch.h"

namespace tfscann {

// Leaves the best `keep` positions, less those of excluded rows, in the query's top_codes. A
// candidate of an index with SOAR may be there twice.
void ScoreChosenLeaves(const IndexParts& parts, int64_t keep, QueryState* query);

// The same for many queries, leaf by leaf: those that have chosen a leaf pass over its codes
// together.
void ScoreChosenLeaves(const IndexParts& parts, int64_t keep, QueryState* queries,
                       int64_t num_queries, SearchScratch* scratch);

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_SCORER_H_
