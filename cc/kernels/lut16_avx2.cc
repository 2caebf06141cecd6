#include <immintrin.h>

#include "cc/kernels/compress_avx2.h"
#include "cc/kernels/lut16_group.h"
#include "cc/kernels/targets_internal.h"

#define TFSCANN_AVX2 __attribute__((target("avx2,fma,bmi,popcnt")))
// Says that sums stay in registers and are made in this order. Left alone, GCC 12 starts all the
// lookups of an iteration first, and then has to keep sums on the stack, at up to twice the time.
#define TFSCANN_IN_REGISTERS(a, b) asm volatile("" : "+x"(a), "+x"(b))

namespace tfscann {
namespace {

// 16-bit sums of the bytes of vectors: `all` has even bytes plus 256 times odd ones (mod 2^16),
// `odd` the odd ones.
struct ByteSums {
  __m256i all;
  __m256i odd;
};

TFSCANN_AVX2 TFSCANN_LUT16_INLINE ByteSums SumsOf(__m256i bytes) {
  return {bytes, _mm256_srli_epi16(bytes, 8)};
}

TFSCANN_AVX2 TFSCANN_LUT16_INLINE void AddBytes(ByteSums* sums, __m256i bytes) {
  const ByteSums more = SumsOf(bytes);
  sums->all = _mm256_add_epi16(sums->all, more.all);
  sums->odd = _mm256_add_epi16(sums->odd, more.odd);
}

// The sums of 16 candidates in order: the two halves hold different blocks, the even bytes
// candidates 0-7 and the odd bytes candidates 8-15. A blend, unlike a second permutation, is left
// to any unit of the processor: those that permute have the lookups.
TFSCANN_AVX2 TFSCANN_LUT16_INLINE __m256i CandidateSums(const ByteSums& sums) {
  const __m256i even = _mm256_sub_epi16(sums.all, _mm256_slli_epi16(sums.odd, 8));
  return _mm256_add_epi16(_mm256_blend_epi32(even, sums.odd, 0xf0),
                          _mm256_permute2x128_si256(even, sums.odd, 0x21));
}

TFSCANN_AVX2 TFSCANN_LUT16_INLINE __m256i Load(const uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

// Sums of a query for one group: of candidates 0-15 and 16-31.
struct GroupSums {
  ByteSums low;
  ByteSums high;
};

// All ones where a score reaches the threshold, as an unsigned number.
TFSCANN_AVX2 TFSCANN_LUT16_INLINE __m256i Reach(__m256i scores, __m256i threshold) {
  return _mm256_cmpeq_epi16(_mm256_max_epu16(scores, threshold), scores);
}

// Eight words a register.
TFSCANN_AVX2 TFSCANN_LUT16_INLINE void Split(__m256i low, __m256i high, __m128i* parts) {
  parts[0] = _mm256_castsi256_si128(low);
  parts[1] = _mm256_extracti128_si256(low, 1);
  parts[2] = _mm256_castsi256_si128(high);
  parts[3] = _mm256_extracti128_si256(high, 1);
}

// The scales of 16 candidates, in the upper bytes of words: what multiplying and rounding by
// VPMULHRSW wants.
TFSCANN_AVX2 TFSCANN_LUT16_INLINE __m256i LoadScales(const uint8_t* scales) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(scales));
  return _mm256_slli_epi16(_mm256_cvtepu8_epi16(bytes), 8);
}

// Those of a group.
struct GroupScales {
  __m256i low;
  __m256i high;
};

// The scores of 16 candidates, from their sums.
TFSCANN_AVX2 TFSCANN_LUT16_INLINE __m256i Scores(const ByteSums& sums, __m256i sum_offset,
                                                 __m256i scales, __m256i offset) {
  const __m256i shifted = _mm256_add_epi16(CandidateSums(sums), sum_offset);
  return _mm256_add_epi16(_mm256_mulhrs_epi16(shifted, scales), offset);
}

// A bit for each of 32 candidates, in the order that packing the words of 0-15 and of 16-31 leaves
// bytes in: 0-7, 16-23, 8-15, 24-31.
struct PackedMask {
  uint32_t bits;

  static PackedMask Of(uint32_t in_order) {
    return {(in_order & 0xff0000ff) | (in_order >> 8 & 0xff00) | (in_order << 8 & 0xff0000)};
  }
  // Those of candidates 8 part to 8 part + 7.
  uint32_t Part(int part) const { return bits >> (part % 2 * 16 + part / 2 * 8) & 255; }
};

// Writes out the candidates of a group whose scores reach the threshold, in steps that do not
// depend on how many there are: that cannot be foretold, and where the processor is wrong it has
// lost most of the next group's work. But for whether there are any, if they are rare.
template <bool kRareHits>
TFSCANN_AVX2 TFSCANN_LUT16_INLINE void WriteHits(const Lut16Codes& group, PackedMask candidates,
                                                 const GroupScales& scales, const __m128i* places,
                                                 const GroupSums& sums, Lut16Query* query) {
  const __m256i offset =
      _mm256_add_epi16(_mm256_set1_epi16(static_cast<int16_t>(query->score_offset.word())),
                       _mm256_set1_epi16(static_cast<int16_t>(group.score_offset)));
  const __m256i sum_offset = _mm256_set1_epi16(static_cast<int16_t>(query->sum_offset.word()));
  const __m256i low = Scores(sums.low, sum_offset, scales.low, offset);
  const __m256i high = Scores(sums.high, sum_offset, scales.high, offset);
  const __m256i threshold = _mm256_set1_epi16(static_cast<int16_t>(query->threshold.word()));
  const __m256i reach = _mm256_packs_epi16(Reach(low, threshold), Reach(high, threshold));
  const PackedMask mask = {static_cast<uint32_t>(_mm256_movemask_epi8(reach)) & candidates.bits};
  if (kRareHits && mask.bits == 0) return;
  __m128i scores[4];
  Split(low, high, scores);
  uint16_t* const to_scores = query->scores;
  uint16_t* const to_places = query->places;
  int64_t count = query->num_hits;
  TFSCANN_UNROLL for (int i = 0; i < 4; ++i) {
    const uint32_t of_part = mask.Part(i);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to_scores + count), TakeWords(scores[i], of_part));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to_places + count), TakeWords(places[i], of_part));
    count += __builtin_popcount(of_part);
  }
  query->num_hits = count;
}

// The entries that the codes of a pair of blocks select, added to each query's bytes.
template <int kQueries>
TFSCANN_AVX2 TFSCANN_LUT16_INLINE void AddPair(const uint8_t* codes, const uint8_t* const* tables,
                                               int64_t pair, __m256i* low, __m256i* high) {
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i both = Load(codes + pair * kLut16PairBytes);
  const __m256i low_codes = _mm256_and_si256(both, nibble);
  const __m256i high_codes = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
  TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
    const __m256i table = Load(tables[q] + pair * 32);
    low[q] = _mm256_add_epi8(low[q], _mm256_shuffle_epi8(table, low_codes));
    high[q] = _mm256_add_epi8(high[q], _mm256_shuffle_epi8(table, high_codes));
    TFSCANN_IN_REGISTERS(low[q], high[q]);
  }
}

template <int kQueries, bool kRareHits>
TFSCANN_AVX2 void Scan(const Lut16Scan& scan, Lut16Query* queries) {
  const int64_t run = Lut16StepsPerRun(scan.num_pairs);
  TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) queries[q].num_hits = 0;
  const __m256i numbers_low =
      _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m256i numbers_high = _mm256_add_epi16(numbers_low, _mm256_set1_epi16(16));
  for (int64_t number = 0; number < scan.num_groups; ++number) {
    const Lut16Codes& group = scan.groups[number];
    PrefetchAhead(scan, number);
    const __m256i first = _mm256_set1_epi16(static_cast<int16_t>(number * kLut16Group));
    __m128i places[4];
    Split(_mm256_add_epi16(numbers_low, first), _mm256_add_epi16(numbers_high, first), places);
    const uint8_t* codes = group.codes;
    const uint8_t* tables[kQueries];
    TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) tables[q] = queries[q].table;
    GroupSums sums[kQueries];
    __m256i low[kQueries], high[kQueries];
    for (int64_t left = scan.num_pairs;;) {
      const int64_t count = left < run ? left : run;
      TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) low[q] = high[q] = _mm256_setzero_si256();
      TFSCANN_UNROLL for (int64_t i = 0; i < kLut16MaxStepsPerRun; ++i) {
        if (i == count) break;
        AddPair<kQueries>(codes, tables, i, low, high);
      }
      // The first run's sums are not added to what all start from: GCC 12 kept that in memory.
      if (left == scan.num_pairs) {
        TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q)
            sums[q] = {SumsOf(low[q]), SumsOf(high[q])};
      } else {
        TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
          AddBytes(&sums[q].low, low[q]);
          AddBytes(&sums[q].high, high[q]);
        }
      }
      left -= count;
      if (left == 0) break;
      codes += count * kLut16PairBytes;
      TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) tables[q] += count * 32;
    }
    const uint8_t* const of_group = ScalesOf(scan, group);
    const GroupScales scales = {LoadScales(of_group), LoadScales(of_group + 16)};
    const PackedMask candidates = PackedMask::Of(CandidatesOf(group));
    TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
      WriteHits<kRareHits>(group, candidates, scales, places, sums[q], &queries[q]);
    }
  }
}

template <bool kRareHits>
TFSCANN_AVX2 void ScanAll(const Lut16Scan& scan, Lut16Query* queries, int64_t num_queries) {
  for (; num_queries >= 4; num_queries -= 4, queries += 4) Scan<4, kRareHits>(scan, queries);
  switch (num_queries) {
    case 3:
      return Scan<3, kRareHits>(scan, queries);
    case 2:
      return Scan<2, kRareHits>(scan, queries);
    case 1:
      return Scan<1, kRareHits>(scan, queries);
  }
}

}  // namespace

TFSCANN_AVX2 void Lut16ScanAvx2(const Lut16Scan& scan, Lut16Query* queries, int64_t num_queries) {
  const auto scan_all = scan.rare_hits ? ScanAll<true> : ScanAll<false>;
  scan_all(scan, queries, num_queries);
}

}  // namespace tfscann
