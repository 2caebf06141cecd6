// Stages 4 and 5: from the best approximate candidates to exactly scored results.
#ifndef TFSCANN_SEARCH_REORDERER_H_
#define TFSCANN_SEARCH_REORDERER_H_

#include <algorithm>
#include <cstdint>

#include "cc/search/index_parts.h"
#include "cc/search/scratch.h"

namespace tfscann {

// The most candidates that get a float32 score. On the GloVe set the best 10 by float32 score stood
// within the best 15 by int8 score for every query; taking 13 costs 0.0001 of recall.
constexpr int64_t NumFinalCandidates(int64_t k) { return k + std::max<int64_t>(3, 3 * k / 10); }

// Writes the rows at the positions in the query's top_codes to reordered_rows, each once, and asks
// for what will be read of them.
void CollectRows(const IndexParts& parts, QueryState* query, SearchScratch* scratch);

// Leaves at least k and at most `most` of the query's reordered_rows, if there are more: those that
// may be among the best k, given the scores of their int8 forms and the errors of these. Asks for
// what will be read of them.
void SelectRows(const IndexParts& parts, int64_t k, int64_t most, QueryState* query,
                SearchScratch* scratch);

// Scores the query's reordered_rows with their float32 form (int8 where the index has no other),
// and leaves the best k in scratch->top_rows, keyed by their final scores.
void ScoreRows(const IndexParts& parts, int64_t k, const QueryState& query, SearchScratch* scratch);

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_REORDERER_H_
