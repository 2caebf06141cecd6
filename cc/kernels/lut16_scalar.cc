#include "cc/kernels/targets_internal.h"

namespace tfscann {
namespace {

void AddUp(const uint8_t* codes, int64_t num_pairs, const uint8_t* table, int32_t* sums) {
  for (int64_t pair = 0; pair < num_pairs; ++pair, codes += kLut16PairBytes, table += 32) {
    for (int byte = 0; byte < 16; ++byte) {
      const int candidate = Lut16Candidate(byte);
      sums[candidate] += table[codes[byte] & 15] + table[16 + (codes[16 + byte] & 15)];
      sums[candidate + 16] += table[codes[byte] >> 4] + table[16 + (codes[16 + byte] >> 4)];
    }
  }
}

}  // namespace

void Lut16ScanScalar(const Lut16Scan& scan, Lut16Query* queries, int64_t num_queries) {
  for (int64_t group = 0; group < scan.num_groups; ++group) {
    const uint8_t* codes = scan.codes + group * scan.num_pairs * kLut16PairBytes;
    for (Lut16Query* query = queries; query < queries + num_queries; ++query) {
      int32_t sums[kLut16Group] = {};
      AddUp(codes, scan.num_pairs, query->table, sums);
      for (int i = 0; i < kLut16Group; ++i) {
        if (sums[i] < query->threshold) continue;
        const uint32_t position = scan.first_position + static_cast<uint32_t>(group * 32 + i);
        *query->hits++ = uint64_t{query->key_offset + static_cast<uint32_t>(sums[i])} << 32 |
                         static_cast<uint32_t>(~position);
      }
    }
  }
}

}  // namespace tfscann
