#include "cc/kernels/avx512.h"
#include "cc/kernels/lut16_group.h"
#include "cc/kernels/targets_internal.h"

// Says that sums stay in registers and are made in this order. Left alone, GCC 12 makes all lookups
// of a step first, which costs a sixth with four queries.
#if defined(TFSCANN_EMULATE_AVX512)
#define TFSCANN_IN_REGISTERS(a, b)
#define TFSCANN_UNROLL_STEPS  // emulated ones take a minute to compile, unrolled
#else
#define TFSCANN_UNROLL_STEPS TFSCANN_UNROLL
#define TFSCANN_IN_REGISTERS(a, b) asm volatile("" : "+v"(a), "+v"(b))
#endif

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

// Sums of a query for one group, of candidates 0-15 and 16-31: the low words of 32 bits each.
struct GroupSums {
  __m512i low;
  __m512i high;
};

// Adds the bytes of four blocks, after bringing those of a candidate together.
TFSCANN_AVX512 TFSCANN_LUT16_INLINE __m512i AddBytes(__m512i sums, __m512i bytes,
                                                     __m512i transposition, __m512i ones) {
  return _mm512_dpbusd_epi32(sums, _mm512_permutexvar_epi8(transposition, bytes), ones);
}

// The entries that 64 bytes of codes select in the tables of a step, added to each query's bytes.
template <int kQueries>
TFSCANN_AVX512 TFSCANN_LUT16_INLINE void AddEntries(__m512i codes, const uint8_t* const* tables,
                                                    int64_t step, __m512i* low, __m512i* high) {
  const __m512i nibble = _mm512_set1_epi8(15);
  const __m512i low_codes = _mm512_and_si512(codes, nibble);
  const __m512i high_codes = _mm512_and_si512(_mm512_srli_epi16(codes, 4), nibble);
  TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
    const __m512i table = _mm512_loadu_si512(tables[q] + step * 64);
    low[q] = _mm512_add_epi8(low[q], _mm512_shuffle_epi8(table, low_codes));
    high[q] = _mm512_add_epi8(high[q], _mm512_shuffle_epi8(table, high_codes));
    if (kQueries >= 4) {
      TFSCANN_IN_REGISTERS(low[q], high[q]);
    }
  }
}

// The low words of the 32-bit lanes of two registers, and the numbers from 0 to 31.
struct Words {
  alignas(64) uint16_t low_words[32];
  alignas(64) uint16_t numbers[32];
  constexpr Words() : low_words(), numbers() {
    for (int i = 0; i < 32; ++i) {
      low_words[i] = static_cast<uint16_t>(2 * i);
      numbers[i] = static_cast<uint16_t>(i);
    }
  }
};
constexpr Words kWords;

// Scales in the upper bytes of words: what multiplying and rounding by VPMULHRSW wants.
TFSCANN_AVX512 TFSCANN_LUT16_INLINE __m512i LoadScales(const uint8_t* scales) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales));
  return _mm512_slli_epi16(_mm512_cvtepi8_epi16(bytes), 8);
}

// Writes the hits of a group. Without a branch: which groups have any cannot be foretold, and where
// the processor is wrong it has lost most of the next group's work.
TFSCANN_AVX512 TFSCANN_LUT16_INLINE void WriteHits(const Lut16Codes& group, __m512i scales,
                                                   __m512i offset, __m512i places,
                                                   const GroupSums& sums, Lut16Query* query) {
  const __m512i words = _mm512_mulhrs_epi16(
      _mm512_permutex2var_epi16(sums.low, _mm512_load_si512(kWords.low_words), sums.high), scales);
  const __m512i of_query = _mm512_set1_epi32(query->score_offset.bits());
  const __m512i scores = _mm512_add_epi16(_mm512_add_epi16(words, offset), of_query);
  const __m512i threshold = _mm512_set1_epi32(query->threshold.bits());
  const uint32_t mask = _mm512_cmpge_epu16_mask(scores, threshold) & CandidatesOf(group);
  _mm512_storeu_si512(query->scores + query->num_hits, _mm512_maskz_compress_epi16(mask, scores));
  _mm512_storeu_si512(query->places + query->num_hits, _mm512_maskz_compress_epi16(mask, places));
  query->num_hits += __builtin_popcount(mask);
}

template <int kQueries>
TFSCANN_AVX512 void Scan(const Lut16Scan& scan, Lut16Query* queries) {
  const __m512i transposition = _mm512_load_si512(kTransposition.from);
  const __m512i ones = _mm512_set1_epi8(1);
  const __m512i zero = _mm512_setzero_si512();
  TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) queries[q].num_hits = 0;
  // In pairs, of which a step has two.
  const int64_t run = 2 * Lut16StepsPerRun((scan.num_pairs + 1) / 2);
  __m512i places = _mm512_load_si512(kWords.numbers);
  for (int64_t number = 0; number < scan.num_groups; ++number) {
    const Lut16Codes& group = scan.groups[number];
    PrefetchAhead(scan, number);
    const uint8_t* codes = group.codes;
    const uint8_t* tables[kQueries];
    GroupSums sums[kQueries];
    TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
      tables[q] = queries[q].table;
      sums[q].low = sums[q].high = _mm512_set1_epi32(queries[q].sum_offset.bits());
    }
    for (int64_t left = scan.num_pairs; left > 0; left -= run) {
      __m512i low[kQueries], high[kQueries];
      TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) low[q] = high[q] = zero;
      const int64_t pairs = left < run ? left : run;
      const int64_t steps = pairs / 2;
      TFSCANN_UNROLL_STEPS for (int64_t i = 0; i < kLut16MaxStepsPerRun; ++i) {
        if (i == steps) break;
        AddEntries<kQueries>(_mm512_loadu_si512(codes + i * 2 * kLut16PairBytes), tables, i, low,
                             high);
      }
      if (pairs % 2 != 0) {
        // Half a step: the table is zero for the blocks that it lacks.
        const __m256i last = _mm256_loadu_si256(
            reinterpret_cast<const __m256i*>(codes + steps * 2 * kLut16PairBytes));
        AddEntries<kQueries>(_mm512_zextsi256_si512(last), tables, steps, low, high);
      }
      codes += pairs * kLut16PairBytes;
      TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
        tables[q] += pairs * 32;
        sums[q].low = AddBytes(sums[q].low, low[q], transposition, ones);
        sums[q].high = AddBytes(sums[q].high, high[q], transposition, ones);
      }
    }
    const __m512i scales = LoadScales(ScalesOf(scan, group));
    const __m512i offset = _mm512_set1_epi16(static_cast<int16_t>(group.score_offset));
    TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
      WriteHits(group, scales, offset, places, sums[q], &queries[q]);
    }
    places = _mm512_add_epi16(places, _mm512_set1_epi16(kLut16Group));
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
