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

// As many entries of at most kLut16MaxEntry add up in a byte, four blocks (two pairs) a step.
constexpr int64_t kStepsPerByte = 8;
static_assert(kStepsPerByte * kLut16MaxEntry <= 255);

// Sums of a query for one group, 32 bits a candidate: of candidates 0-15 and 16-31.
struct GroupSums {
  __m512i low;
  __m512i high;
};

// Adds the bytes of four blocks, after bringing those of a candidate together.
TFSCANN_AVX512 TFSCANN_LUT16_INLINE __m512i AddBytes(__m512i sums, __m512i bytes,
                                                     __m512i transposition, __m512i ones) {
  return _mm512_dpbusd_epi32(sums, _mm512_permutexvar_epi8(transposition, bytes), ones);
}

// The entries that 64 bytes of codes select, added to each query's bytes.
template <int kQueries>
TFSCANN_AVX512 TFSCANN_LUT16_INLINE void AddEntries(__m512i codes, const uint8_t** tables,
                                                    __m512i* low, __m512i* high) {
  const __m512i nibble = _mm512_set1_epi8(15);
  const __m512i low_codes = _mm512_and_si512(codes, nibble);
  const __m512i high_codes = _mm512_and_si512(_mm512_srli_epi16(codes, 4), nibble);
  TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
    const __m512i table = _mm512_loadu_si512(tables[q]);
    tables[q] += 64;
    low[q] = _mm512_add_epi8(low[q], _mm512_shuffle_epi8(table, low_codes));
    high[q] = _mm512_add_epi8(high[q], _mm512_shuffle_epi8(table, high_codes));
    // Keeps the order of the sums: left alone, GCC 12 makes all lookups of a step first, which
    // costs a sixth with four queries.
    if (kQueries >= 4) asm volatile("" : "+v"(low[q]), "+v"(high[q]));
  }
}

// Places of the interleaved keys: lane 2i of the hits is position i (operand 0), lane 2i + 1 sum i
// (operand 1), the first or the second eight of them.
alignas(64) constexpr uint32_t kInterleaved[2][16] = {
    {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23},
    {8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31}};

// Writes the hits among 16 candidates, the first at `first`; returns where the next hit goes. Room
// for 16 is written to. All of it without a branch: how many there are cannot be predicted.
TFSCANN_AVX512 TFSCANN_LUT16_INLINE uint64_t* WriteHits(__m512i sums, __mmask16 mask,
                                                        uint32_t first, uint32_t key_offset,
                                                        uint64_t* out) {
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  // ~(first + i) = ~first - i
  const __m512i positions = _mm512_sub_epi32(_mm512_set1_epi32(static_cast<int>(~first)), lanes);
  const __m512i keys = _mm512_add_epi32(sums, _mm512_set1_epi32(static_cast<int>(key_offset)));
  const __m512i kept_positions = _mm512_maskz_compress_epi32(mask, positions);
  const __m512i kept_keys = _mm512_maskz_compress_epi32(mask, keys);
  for (int half = 0; half < 2; ++half) {
    _mm512_storeu_si512(out + 8 * half,
                        _mm512_permutex2var_epi32(
                            kept_positions, _mm512_load_si512(kInterleaved[half]), kept_keys));
  }
  return out + __builtin_popcount(mask);
}

template <int kQueries>
TFSCANN_AVX512 void Scan(const Lut16Scan& scan, Lut16Query* queries) {
  const __m512i transposition = _mm512_load_si512(kTransposition.from);
  const __m512i ones = _mm512_set1_epi8(1);
  const __m512i zero = _mm512_setzero_si512();
  __m512i thresholds[kQueries];
  TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
    thresholds[q] = _mm512_set1_epi32(queries[q].threshold);
  }
  const uint8_t* codes = scan.codes;
  for (int64_t group = 0; group < scan.num_groups; ++group) {
    if (scan.prefetch != nullptr) PrefetchGroup(scan, group);
    const uint8_t* tables[kQueries];
    GroupSums sums[kQueries];
    TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
      tables[q] = queries[q].table;
      sums[q] = {zero, zero};
    }
    for (int64_t left = scan.num_pairs; left > 0; left -= 2 * kStepsPerByte) {
      __m512i low[kQueries], high[kQueries];
      TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) low[q] = high[q] = zero;
      const int64_t pairs = left < 2 * kStepsPerByte ? left : 2 * kStepsPerByte;
      for (int64_t i = 0; i + 2 <= pairs; i += 2, codes += 2 * kLut16PairBytes) {
        AddEntries<kQueries>(_mm512_loadu_si512(codes), tables, low, high);
      }
      if (pairs % 2 != 0) {
        // Half a step: the table is zero for the blocks that it lacks.
        const __m256i last = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
        AddEntries<kQueries>(_mm512_zextsi256_si512(last), tables, low, high);
        codes += kLut16PairBytes;
      }
      TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
        sums[q].low = AddBytes(sums[q].low, low[q], transposition, ones);
        sums[q].high = AddBytes(sums[q].high, high[q], transposition, ones);
      }
    }
    TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
      const __mmask16 low = _mm512_cmpge_epi32_mask(sums[q].low, thresholds[q]);
      const __mmask16 high = _mm512_cmpge_epi32_mask(sums[q].high, thresholds[q]);
      if ((low | high) == 0) continue;
      const uint32_t first = scan.first_position + static_cast<uint32_t>(group * kLut16Group);
      uint64_t* const hits =
          WriteHits(sums[q].low, low, first, queries[q].key_offset, queries[q].hits);
      queries[q].hits = WriteHits(sums[q].high, high, first + 16, queries[q].key_offset, hits);
    }
  }
}

}  // namespace

TFSCANN_AVX512 void Lut16ScanAvx512(const Lut16Scan& scan, Lut16Query* queries,
                                    int64_t num_queries) {
  for (; num_queries >= 4; num_queries -= 4, queries += 4) Scan<4>(scan, queries);
  switch (num_queries) {
    case 3:
      return Scan<3>(scan, queries);
    case 2:
      return Scan<2>(scan, queries);
    case 1:
      return Scan<1>(scan, queries);
  }
}

}  // namespace tfscann
