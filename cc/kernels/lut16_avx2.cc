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

TFSCANN_AVX2 TFSCANN_LUT16_INLINE ByteSums Sum(const ByteSums& a, const ByteSums& b) {
  return {_mm256_add_epi16(a.all, b.all), _mm256_add_epi16(a.odd, b.odd)};
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

TFSCANN_AVX2 TFSCANN_LUT16_INLINE GroupSums Sum(const GroupSums& a, const GroupSums& b) {
  return {Sum(a.low, b.low), Sum(a.high, b.high)};
}

// What a run adds up to in bytes, before sums are made of it: half as many registers.
struct RunBytes {
  __m256i low;
  __m256i high;
};

TFSCANN_AVX2 TFSCANN_LUT16_INLINE GroupSums SumsOf(const RunBytes& run) {
  return {SumsOf(run.low), SumsOf(run.high)};
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

// Unsigned words, half of their range lower: signed ones, which there is a comparison for.
constexpr int kHalfRange = 0x8000;

TFSCANN_AVX2 TFSCANN_LUT16_INLINE __m256i Lowered(TwiceWord word) {
  return _mm256_xor_si256(_mm256_set1_epi32(word.bits()),
                          _mm256_set1_epi16(static_cast<int16_t>(kHalfRange)));
}

// What a scan finds for one query.
struct ScannedQuery {
  alignas(64) uint16_t scores[kLut16MaxGroups * kLut16Group];  // lowered
  // A bit for each candidate of a group whose score is below the threshold, in the order that
  // packing the words of 0-15 and of 16-31 leaves bytes in: 0-7, 16-23, 8-15, 24-31.
  alignas(64) uint32_t below[kLut16MaxGroups] = {};
};

TFSCANN_AVX2 TFSCANN_LUT16_INLINE void StoreScores(int64_t number, const Lut16Codes& group,
                                                   const GroupScales& scales, const GroupSums& sums,
                                                   const Lut16Query& query, ScannedQuery* scanned) {
  const __m256i offset = _mm256_add_epi16(
      Lowered(query.score_offset), _mm256_set1_epi16(static_cast<int16_t>(group.score_offset)));
  const __m256i sum_offset = _mm256_set1_epi32(query.sum_offset.bits());
  const __m256i low = Scores(sums.low, sum_offset, scales.low, offset);
  const __m256i high = Scores(sums.high, sum_offset, scales.high, offset);
  __m256i* const scores = reinterpret_cast<__m256i*>(scanned->scores + number * kLut16Group);
  _mm256_store_si256(scores, low);
  _mm256_store_si256(scores + 1, high);
  const __m256i threshold = Lowered(query.threshold);
  scanned->below[number] = static_cast<uint32_t>(_mm256_movemask_epi8(
      _mm256_packs_epi16(_mm256_cmpgt_epi16(threshold, low), _mm256_cmpgt_epi16(threshold, high))));
}

// The places of a scan, in order.
struct Places {
  alignas(64) uint16_t places[kLut16MaxGroups * kLut16Group];
  constexpr Places() : places() {
    for (int i = 0; i < kLut16MaxGroups * kLut16Group; ++i) places[i] = static_cast<uint16_t>(i);
  }
};
constexpr Places kPlaces;

// Writes out the candidates whose scores reach the threshold, from all eights of the scan that have
// any. How many do cannot be foretold, and where the processor is wrong it has lost what it had
// begun of the work behind: once a query here, with each group's hits written as it is scored once
// a group, or else all four eights of every group would have to be written.
TFSCANN_AVX2 void WriteHits(const uint32_t* candidates, const ScannedQuery& scanned,
                            Lut16Query* query) {
  static_assert(kLut16MaxGroups * sizeof(uint32_t) == 2 * sizeof(__m256i));
  const __m256i in_order = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15));
  uint64_t eights = 0;
  __m256i masks[2];  // a byte for eight candidates
  for (int half = 0; half < 2; ++half) {
    const __m256i below = _mm256_load_si256(reinterpret_cast<const __m256i*>(scanned.below) + half);
    const __m256i all = _mm256_load_si256(reinterpret_cast<const __m256i*>(candidates) + half);
    masks[half] = _mm256_andnot_si256(_mm256_shuffle_epi8(below, in_order), all);
    const __m256i none = _mm256_cmpeq_epi8(masks[half], _mm256_setzero_si256());
    eights |= static_cast<uint64_t>(~static_cast<uint32_t>(_mm256_movemask_epi8(none)))
              << (32 * half);
  }
  const uint8_t* const mask_bytes = reinterpret_cast<const uint8_t*>(masks);
  const __m128i raise = _mm_set1_epi16(static_cast<int16_t>(kHalfRange));
  uint16_t* const to_scores = query->scores;
  uint16_t* const to_places = query->places;
  int64_t count = 0;
  for (; eights != 0; eights &= eights - 1) {
    const int64_t first = 8 * __builtin_ctzll(eights);
    const uint32_t mask = mask_bytes[first / 8];
    const __m128i scores = _mm_load_si128(reinterpret_cast<const __m128i*>(scanned.scores + first));
    const __m128i places = _mm_load_si128(reinterpret_cast<const __m128i*>(kPlaces.places + first));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to_scores + count),
                     TakeWords(_mm_xor_si128(scores, raise), mask));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to_places + count), TakeWords(places, mask));
    count += __builtin_popcount(mask);
  }
  query->num_hits = count;
}

// The entries that the codes of a pair of blocks select, added to each query's bytes.
template <int kQueries>
TFSCANN_AVX2 TFSCANN_LUT16_INLINE void AddPair(const uint8_t* codes, const uint8_t* const* tables,
                                               int64_t pair, RunBytes* bytes) {
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i both = Load(codes + pair * kLut16PairBytes);
  const __m256i low_codes = _mm256_and_si256(both, nibble);
  // Multiplied rather than shifted: shifts take the units that permute. With four queries GCC 12
  // has no register left for the factor, and loads tables twice.
  const __m256i shifted = kQueries < 4 ? _mm256_mulhi_epu16(both, _mm256_set1_epi16(1 << 12))
                                       : _mm256_srli_epi16(both, 4);
  const __m256i high_codes = _mm256_and_si256(shifted, nibble);
  TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
    const __m256i table = Load(tables[q] + pair * 32);
    bytes[q].low = _mm256_add_epi8(bytes[q].low, _mm256_shuffle_epi8(table, low_codes));
    bytes[q].high = _mm256_add_epi8(bytes[q].high, _mm256_shuffle_epi8(table, high_codes));
    TFSCANN_IN_REGISTERS(bytes[q].low, bytes[q].high);
  }
}

template <int kQueries>
TFSCANN_AVX2 void Scan(const Lut16Scan& scan, Lut16Query* queries) {
  const int64_t run = Lut16StepsPerRun(scan.num_pairs);
  ScannedQuery scanned[kQueries];
  alignas(64) uint32_t candidates[kLut16MaxGroups] = {};
  // Of the runs before the last of a group. With four queries these are in memory, and bytes, half
  // as much, are better kept than sums: there is one such run for up to 128 dims, two in a block.
  RunBytes last_but_one[kQueries] = {};
  GroupSums others[kQueries] = {};
  for (int64_t number = 0; number < scan.num_groups; ++number) {
    const Lut16Codes& group = scan.groups[number];
    PrefetchAhead(scan, number);
    candidates[number] = CandidatesOf(group);
    const uint8_t* codes = group.codes;
    const uint8_t* tables[kQueries];
    TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) tables[q] = queries[q].table;
    RunBytes bytes[kQueries];
    for (int64_t left = scan.num_pairs;;) {
      const int64_t count = left < run ? left : run;
      TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
        bytes[q] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
      }
      TFSCANN_UNROLL for (int64_t i = 0; i < kLut16MaxStepsPerRun; ++i) {
        if (i == count) break;
        AddPair<kQueries>(codes, tables, i, bytes);
      }
      left -= count;
      if (left == 0) break;
      TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
        if (left <= run) {
          last_but_one[q] = bytes[q];
        } else if (left + count == scan.num_pairs) {
          others[q] = SumsOf(bytes[q]);
        } else {
          others[q] = Sum(others[q], SumsOf(bytes[q]));
        }
      }
      codes += count * kLut16PairBytes;
      TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) tables[q] += count * 32;
    }
    const uint8_t* const of_group = ScalesOf(scan, group);
    const GroupScales scales = {LoadScales(of_group), LoadScales(of_group + 16)};
    TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
      GroupSums sums = SumsOf(bytes[q]);
      if (scan.num_pairs > run) sums = Sum(sums, SumsOf(last_but_one[q]));
      if (scan.num_pairs > 2 * run) sums = Sum(sums, others[q]);
      StoreScores(number, group, scales, sums, queries[q], &scanned[q]);
    }
  }
  for (int q = 0; q < kQueries; ++q) WriteHits(candidates, scanned[q], &queries[q]);
}

}  // namespace

TFSCANN_AVX2 void Lut16ScanAvx2(const Lut16Scan& scan, Lut16Query* queries, int64_t num_queries) {
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
