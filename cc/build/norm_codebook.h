// squared_l2: a candidate's norm term (see search/lookup_table.h) as the sum of one entry of each
// of kNormBlocks blocks, all of which count in the same steps.
#ifndef TFSCANN_BUILD_NORM_CODEBOOK_H_
#define TFSCANN_BUILD_NORM_CODEBOOK_H_

#include <cstdint>
#include <vector>

namespace tfscann {

// [kNormBlocks][16] for terms like these; there is one at least, and all are finite. Terms at the
// ends that are too far from the others are cut off, becoming the nearest one that is not: the
// wider the blocks' range, the coarser is every entry of a lookup table. block_ranges: of the terms
// of each other block, for a typical query.
std::vector<float> FitNormCodebooks(std::vector<double> terms,
                                    const std::vector<float>& block_ranges);

// Writes the kNormBlocks codes whose entries add up to about the term.
void EncodeNormTerm(const std::vector<float>& codebooks, double term, uint8_t* codes);

}  // namespace tfscann

#endif  // TFSCANN_BUILD_NORM_CODEBOOK_H_
