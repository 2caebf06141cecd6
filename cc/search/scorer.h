// Stage 3: approximate scores of all candidates in the chosen leaves.
#ifndef TFSCANN_SEARCH_SCORER_H_
#define TFSCANN_SEARCH_SCORER_H_

#include "cc/search/index_parts.h"
#include "cc/search/scratch.h"

namespace tfscann {

// The threshold of a query to begin with: a score that no fewer candidates reach than are kept, by
// all likelihood. That of a candidate whose residual is 0, in the worst of the first leaves that
// hold some times as many; 0 if all do not. Where it is reached by fewer, leaves are scanned again.
uint16_t LikelyThreshold(const IndexParts& parts, int64_t keep, const QueryState& query);

// Leaves the best `keep` positions, less those of excluded rows, in the query's top_codes. A
// candidate of an index with SOAR may be there twice.
void ScoreChosenLeaves(const IndexParts& parts, int64_t keep, QueryState* query);

// The same for many queries, leaf by leaf: those that have chosen a leaf pass over its codes
// together.
void ScoreChosenLeaves(const IndexParts& parts, int64_t keep, QueryState* queries,
                       int64_t num_queries, SearchScratch* scratch);

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_SCORER_H_
