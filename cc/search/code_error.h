// How far the 4-bit codes are from the candidates that they stand for.
#ifndef TFSCANN_SEARCH_CODE_ERROR_H_
#define TFSCANN_SEARCH_CODE_ERROR_H_

#include <vector>

#include "cc/search/index_parts.h"

namespace tfscann {

// |x - code of x| / |x| for candidates x of an index with leaves: those of every n-th group of
// codes, so that about `sample` are looked at. squared_l2: relative to the mean candidate. Where
// the index keeps int8 candidates only, x is one of those. Candidates of length zero are left out.
std::vector<float> CodeErrors(const IndexParts& parts, int64_t sample);

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_CODE_ERROR_H_
