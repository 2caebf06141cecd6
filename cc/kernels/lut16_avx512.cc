#include "cc/kernels/avx512.h"
#include "cc/kernels/lut16_hits.h"
#include "cc/kernels/targets_internal.h"

namespace tfscann {
namespace {

// Byte 4 c + b takes byte b * 16 + Lut16Byte(c): four blocks of a candidate become neighbours.
struct Transposition {
  alignas(64) uint8_t from[64];
  constexpr Transposition() : from() {
    for (int candidate = 0; candidate < 16; ++candidate) {
      for (int block = 0; block < 4; ++block) {
        from[candidate * 4 + block] = static_cast<uint8_t>(block * 16 + Lut16Byte(candidate));
      }
    }
  }
};
constexpr Transposition kTransposition;

// Four blocks a step: VPERMB looks up all four tables at once (index = 16 * block + nibble) and
// VPDPBUSD with ones adds up the four entries of each candidate.
template <int kQueries>
TFSCANN_AVX512 void Scan(const Lut16Scan& scan, Lut16Query* queries) {
  const __m512i transposition = _mm512_load_si512(kTransposition.from);
  const __m512i nibble = _mm512_set1_epi8(15);
  const __m512i block_offset = _mm512_set1_epi32(0x30201000);
  const __m512i ones = _mm512_set1_epi8(1);
  constexpr int kAndOr = 0xEA;  // (a & b) | c
  const uint8_t* codes = scan.codes;
  for (int64_t group = 0; group < scan.num_groups; ++group) {
    if (scan.prefetch != nullptr) PrefetchGroup(scan, group);
    __m512i low[kQueries], high[kQueries];
    for (int q = 0; q < kQueries; ++q) low[q] = high[q] = _mm512_setzero_si512();
    for (int64_t pair = 0; pair < scan.num_pairs; pair += 2) {
      // An odd last pair fills half of the step; the table is zero for the blocks it lacks.
      const __mmask64 present = pair + 2 <= scan.num_pairs ? ~__mmask64{0} : 0xffffffffu;
      const __m512i packed = _mm512_permutexvar_epi8(
          transposition, _mm512_maskz_loadu_epi8(present, codes + pair * kLut16PairBytes));
      const __m512i low_index = _mm512_ternarylogic_epi32(packed, nibble, block_offset, kAndOr);
      const __m512i high_index =
          _mm512_ternarylogic_epi32(_mm512_srli_epi32(packed, 4), nibble, block_offset, kAndOr);
      for (int q = 0; q < kQueries; ++q) {
        const __m512i table = _mm512_loadu_si512(queries[q].table + pair * 32);
        low[q] = _mm512_dpbusd_epi32(low[q], _mm512_permutexvar_epi8(low_index, table), ones);
        high[q] = _mm512_dpbusd_epi32(high[q], _mm512_permutexvar_epi8(high_index, table), ones);
      }
    }
    codes += scan.num_pairs * kLut16PairBytes;
    for (int q = 0; q < kQueries; ++q) {
      const __m512i threshold = _mm512_set1_epi32(queries[q].threshold);
      const uint32_t mask = static_cast<uint32_t>(_mm512_cmpge_epi32_mask(low[q], threshold)) |
                            static_cast<uint32_t>(_mm512_cmpge_epi32_mask(high[q], threshold))
                                << 16;
      if (mask == 0) continue;
      alignas(64) uint32_t values[kLut16Group];
      _mm512_store_si512(values, low[q]);
      _mm512_store_si512(values + 16, high[q]);
      WriteHits(scan, group, values, mask, &queries[q]);
    }
  }
}

}  // namespace

TFSCANN_AVX512 void Lut16ScanAvx512(const Lut16Scan& scan, Lut16Query* queries,
                                    int64_t num_queries) {
  for (; num_queries >= 4; num_queries -= 4, queries += 4) Scan<4>(scan, queries);
  for (; num_queries > 0; --num_queries) Scan<1>(scan, queries++);
}

}  // namespace tfscann
