#include "cc/kernels/lut16_group.h"
#include "cc/kernels/targets_internal.h"

namespace tfscann {
namespace {

void AddUp(const uint8_t* codes, int64_t num_pairs, const uint8_t* table, uint16_t* sums) {
  for (int64_t pair = 0; pair < num_pairs; ++pair, codes += kLut16PairBytes, table += 32) {
    for (int byte = 0; byte < 16; ++byte) {
      const int candidate = Lut16Candidate(byte);
      sums[candidate] = static_cast<uint16_t>(sums[candidate] + table[codes[byte] & 15] +
                                              table[16 + (codes[16 + byte] & 15)]);
      sums[candidate + 16] = static_cast<uint16_t>(sums[candidate + 16] + table[codes[byte] >> 4] +
                                                   table[16 + (codes[16 + byte] >> 4)]);
    }
  }
}

// Writes the hits of one group, bit i of `mask` standing for the candidate with score `scores[i]`.
void WriteHits(int64_t group, const uint16_t* scores, uint32_t mask, Lut16Query* query) {
  int64_t count = query->num_hits;
  for (; mask != 0; mask &= mask - 1, ++count) {
    const int i = __builtin_ctz(mask);
    query->scores[count] = scores[i];
    query->places[count] = static_cast<uint16_t>(group * kLut16Group + i);
  }
  query->num_hits = count;
}

}  // namespace

void Lut16ScanScalar(const Lut16Scan& scan, Lut16Query* queries, int64_t num_queries) {
  for (Lut16Query* query = queries; query < queries + num_queries; ++query) query->num_hits = 0;
  for (int64_t number = 0; number < scan.num_groups; ++number) {
    const Lut16Codes& group = scan.groups[number];
    for (Lut16Query* query = queries; query < queries + num_queries; ++query) {
      uint16_t scores[kLut16Group] = {};
      AddUp(group.codes, scan.num_pairs, query->table, scores);
      const uint8_t* const scales = ScalesOf(scan, group);
      const int sum_offset = static_cast<int16_t>(query->sum_offset.word());
      uint32_t mask = 0;
      for (int i = 0; i < kLut16Group; ++i) {
        const int product = (scores[i] + sum_offset) * scales[i];
        static_assert(kLut16ScaleOne == 1 << 7);
        const int scaled = (product + kLut16ScaleOne / 2) >> 7;  // towards -infinity
        scores[i] = static_cast<uint16_t>(query->score_offset.word() + group.score_offset + scaled);
        mask |= static_cast<uint32_t>(scores[i] >= query->threshold.word()) << i;
      }
      WriteHits(number, scores, mask & CandidatesOf(group), query);
    }
  }
}

}  // namespace tfscann
