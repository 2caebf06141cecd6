#include "cc/kernels/lut16_hits.h"
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

}  // namespace

void Lut16ScanScalar(const Lut16Scan& scan, Lut16Query* queries, int64_t num_queries) {
  for (Lut16Query* query = queries; query < queries + num_queries; ++query) query->num_hits = 0;
  for (int64_t group = 0; group < NumGroups(scan); ++group) {
    const uint8_t* codes = scan.codes + group * scan.num_pairs * kLut16PairBytes;
    for (Lut16Query* query = queries; query < queries + num_queries; ++query) {
      uint16_t sums[kLut16Group] = {};
      AddUp(codes, scan.num_pairs, query->table, sums);
      uint32_t mask = 0;
      for (int i = 0; i < kLut16Group; ++i) {
        mask |= static_cast<uint32_t>(sums[i] >= query->threshold) << i;
      }
      WriteHits(group, sums, mask & CandidatesOf(scan, group), query);
    }
  }
}

}  // namespace tfscann
