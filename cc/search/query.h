// Stage 0: the query in the forms that the other stages want.
#ifndef TFSCANN_SEARCH_QUERY_H_
#define TFSCANN_SEARCH_QUERY_H_

#include "cc/search/index_parts.h"
#include "cc/search/scratch.h"

namespace tfscann {

// Scales x to unit length in place; zero stays zero.
void Normalize(float* x, int64_t dims);

// Copies a finite query to `padded` (a multiple of 16 long, zeros behind the last dimension),
// scaled to unit length if the measure is cosine.
void PadQuery(const IndexParameters& parameters, const float* query, float* padded);

// Fills in *prepared.
void PrepareQuery(const IndexParts& parts, const float* query, PreparedQuery* prepared);

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_QUERY_H_
