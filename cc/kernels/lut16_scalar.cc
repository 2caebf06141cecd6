#include "cc/kernels/targets_internal.h"

namespace tfscann {

int64_t Lut16ScanScalar(const Lut16Scan& scan, uint64_t* out) {
  int64_t found = 0;
  const uint8_t* codes = scan.codes;
  for (int64_t group = 0; group < scan.num_groups; ++group) {
    int32_t sums[kLut16Group] = {};
    for (int64_t pair = 0; pair < scan.num_pairs; ++pair, codes += kLut16PairBytes) {
      const uint8_t* table = scan.table + pair * 32;
      for (int byte = 0; byte < 16; ++byte) {
        const int candidate = Lut16Candidate(byte);
        sums[candidate] += table[codes[byte] & 15] + table[16 + (codes[16 + byte] & 15)];
        sums[candidate + 16] += table[codes[byte] >> 4] + table[16 + (codes[16 + byte] >> 4)];
      }
    }
    for (int i = 0; i < kLut16Group; ++i) {
      if (sums[i] < scan.threshold) continue;
      const uint32_t position = scan.first_position + static_cast<uint32_t>(group * 32 + i);
      out[found++] = uint64_t{scan.key_offset + static_cast<uint32_t>(sums[i])} << 32 |
                     static_cast<uint32_t>(~position);
    }
  }
  return found;
}

}  // namespace tfscann
