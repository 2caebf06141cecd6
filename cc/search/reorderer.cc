#include "cc/search/reorderer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cc/kernels/kernels.h"
#include "cc/search/int8_rows.h"

namespace tfscann {
namespace {

constexpr float kWorst = -std::numeric_limits<float>::infinity();

// A row gets a float32 score if its int8 score is no more than so many standard errors below the
// k-th best. On the GloVe set these are 11.4 rows for k 10, which find all that 13 do; with 2
// errors recall is 0.0001 lower.
constexpr float kErrorsBelow = 3;

// The largest of some int8 rows.
struct Int8Extent {
  float scale = 0;
  float squared_norm = 0;
};

// Fills the scratch's int8_scores with the scores of the rows' int8 forms; up to a multiple of 16
// with the worst.
Int8Extent ScoreByInt8(const IndexParts& parts, const PreparedQuery& query,
                       Span<const int32_t> rows, SearchScratch* scratch) {
  const Int8Rows int8_rows = parts.CandidateInt8Rows();
  const bool squared_l2 = parts.parameters.distance_measure == DistanceMeasure::kSquaredL2;
  const int64_t num_rows = static_cast<int64_t>(rows.size());
  int32_t* const dots = scratch->int8_dots.Resize(num_rows);
  ActiveKernels().int8_dot_gathered(query.int8_values.data(), int8_rows.row(0), int8_rows.stride(),
                                    rows.data(), num_rows, parts.parameters.dimensions, dots);
  float* const scores = scratch->int8_scores.Resize(RoundUp(num_rows, 16));
  Int8Extent largest;
  for (int64_t i = 0; i < num_rows; ++i) {
    const float scale = int8_rows.scale(rows[i]), squared_norm = int8_rows.squared_norm(rows[i]);
    float score = static_cast<float>(dots[i]) * (query.int8_scale * scale);
    if (squared_l2) score = 2 * score - squared_norm;
    // A NaN (of overflowing products) ranks last.
    scores[i] = score == score ? score : kWorst;
    largest.scale = std::max(largest.scale, scale);
    largest.squared_norm = std::max(largest.squared_norm, squared_norm);
  }
  std::fill(scores + num_rows, scores + scratch->int8_scores.size(), kWorst);
  return largest;
}

// The standard error of int8 scores about `score`, at most. A value is rounded to a multiple of its
// vector's scale: its error is uniform between halves of that. With e_q and e_x for the errors,
// that of a product is q.e_x + e_q.x, and that of 2 q.x - |x|^2 is 2 (q - x).e_x + 2 e_q.x. Where
// there are no other rows than these, e_x does not matter.
float StandardError(const IndexParts& parts, const PreparedQuery& query, const Int8Extent& largest,
                    float score) {
  const bool squared_l2 = parts.parameters.distance_measure == DistanceMeasure::kSquaredL2;
  float of_row = 0;
  if (!parts.rows.empty()) {
    const float squared = query.norm * query.norm - (squared_l2 ? score : 0);
    of_row = std::sqrt(std::max(0.0f, squared)) * largest.scale;
  }
  const float of_query = std::sqrt(largest.squared_norm) * query.int8_scale;
  const float error = std::sqrt((of_row * of_row + of_query * of_query) / 12);
  return squared_l2 ? 2 * error : error;
}

// Writes the rows at the positions to `distinct`, each once; returns how many. Other queries may
// have `most` positions.
int64_t DistinctRows(const IndexParts& parts, Span<const uint32_t> positions, int64_t most,
                     int32_t* distinct, SearchScratch* scratch) {
  const int64_t num_positions = static_cast<int64_t>(positions.size());
  if (!parts.parameters.soar) {
    for (int64_t i = 0; i < num_positions; ++i) distinct[i] = parts.position_rows[positions[i]];
    return num_positions;
  }
  // A hash table with room for twice as many: most rows are found where they are looked for first.
  const auto bits_for = [](int64_t count) {
    int bits = 6;
    while ((int64_t{1} << bits) < 2 * count) ++bits;
    return bits;
  };
  scratch->row_slots.Resize(size_t{1} << bits_for(most));
  const int bits = bits_for(num_positions);
  const size_t mask = (size_t{1} << bits) - 1;
  int32_t* const slots = scratch->row_slots.Resize(mask + 1);
  constexpr int32_t kFree = -1;
  std::fill(slots, slots + mask + 1, kFree);
  int64_t count = 0;
  for (int64_t i = 0; i < num_positions; ++i) {
    const int32_t row = parts.position_rows[positions[i]];
    size_t slot = (static_cast<uint64_t>(row) * 0x9e3779b97f4a7c15ull) >> (64 - bits);
    while (slots[slot] != kFree && slots[slot] != row) slot = (slot + 1) & mask;
    // Without a branch: every other position is a second copy.
    distinct[count] = row;
    count += slots[slot] != row;
    slots[slot] = row;
  }
  return count;
}

// Keeps the rows that may be among the best k, by the scores of their int8 forms, and at least k;
// but at most `most`, of equal scores the lower rows. Other queries may have most_rows.
void KeepBestByInt8(const IndexParts& parts, int64_t k, int64_t most, const PreparedQuery& query,
                    int64_t most_rows, AlignedBuffer<int32_t>* rows, SearchScratch* scratch) {
  scratch->int8_dots.Resize(most_rows);
  scratch->int8_scores.Resize(RoundUp(most_rows, 16));
  scratch->int8_best.Resize(most_rows + 16);
  scratch->int8_keys.Resize(most_rows);
  const Int8Extent largest = ScoreByInt8(parts, query, *rows, scratch);
  const float* const scores = scratch->int8_scores.data();
  const int64_t num_scores = static_cast<int64_t>(scratch->int8_scores.size());
  const int64_t num_rows = static_cast<int64_t>(rows->size());
  // What k scores reach, and no more if they differ: the least of these is the k-th.
  const float bound = ActiveKernels().bound_of_largest(scores, num_scores, k);
  float kth = std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < num_rows; ++i) {
    kth = std::min(kth, scores[i] >= bound ? scores[i] : kth);
  }
  const float lowest = kth - kErrorsBelow * StandardError(parts, query, largest, kth);
  int32_t* const best = scratch->int8_best.Resize(num_rows + 16);
  // Infinite scores exclude no row.
  const int64_t num_best = ActiveKernels().indices_at_least(
      scores, num_rows, std::isfinite(lowest) ? lowest : kWorst, best);
  rows->Resize(std::min(num_best, most));
  if (num_best <= most) {
    // Indices ascend, and none is below its place.
    for (int64_t i = 0; i < num_best; ++i) (*rows)[i] = (*rows)[best[i]];
    return;
  }
  ScoredKey* const keys = scratch->int8_keys.Resize(num_best);
  for (int64_t i = 0; i < num_best; ++i) {
    keys[i] = MakeKey(scores[best[i]], static_cast<uint32_t>((*rows)[best[i]]));
  }
  std::nth_element(keys, keys + most - 1, keys + num_best, std::greater<ScoredKey>());
  for (int64_t i = 0; i < most; ++i) (*rows)[i] = static_cast<int32_t>(KeyItem(keys[i]));
}

// Fills the scratch's row_scores with products or distances of the float32 forms of the rows.
void ScoreWithFloats(const IndexParts& parts, const PreparedQuery& query, Span<const int32_t> rows,
                     SearchScratch* scratch) {
  const int64_t num_rows = static_cast<int64_t>(rows.size()), dims = parts.parameters.dimensions;
  const bool squared_l2 = parts.parameters.distance_measure == DistanceMeasure::kSquaredL2;
  const auto score =
      squared_l2 ? ActiveKernels().squared_l2_gathered : ActiveKernels().dot_gathered;
  float* const scores = scratch->row_scores.Resize(num_rows);
  if (!parts.rows.empty()) {
    score(query.values.data(), parts.rows.data(), rows.data(), num_rows, dims, scores);
    return;
  }
  const Int8Rows int8_rows = parts.CandidateInt8Rows();
  const float* const values = squared_l2 ? query.centered.data() : query.values.data();
  float* const dequantized = scratch->float_row.Resize(RoundUp(dims, 16) + kFloatOverread);
  constexpr int32_t kFirst = 0;
  for (int64_t i = 0; i < num_rows; ++i) {
    int8_rows.Dequantize(rows[i], dequantized);
    score(values, dequantized, &kFirst, 1, dims, &scores[i]);
  }
}

}  // namespace

void CollectRows(const IndexParts& parts, QueryState* query, SearchScratch* scratch) {
  const Span<const uint32_t> positions = query->top_codes.Finish();
  for (const uint32_t position : positions) __builtin_prefetch(&parts.position_rows[position]);
  // Room for as many as there may be, so that a query with more than those before allocates
  // nothing.
  const int64_t most = query->top_codes.most_kept();
  int32_t* const rows = query->reordered_rows.Resize(most);
  const int64_t num_rows = DistinctRows(parts, positions, most, rows, scratch);
  query->reordered_rows.Resize(num_rows);
  const Int8Rows int8_rows = parts.CandidateInt8Rows();
  for (int64_t i = 0; i < num_rows; ++i) PrefetchToL1(int8_rows.row(rows[i]), int8_rows.stride());
}

void SelectRows(const IndexParts& parts, int64_t k, int64_t most, QueryState* query,
                SearchScratch* scratch) {
  AlignedBuffer<int32_t>& rows = query->reordered_rows;
  if (static_cast<int64_t>(rows.size()) > most) {
    KeepBestByInt8(parts, k, most, query->query, query->top_codes.most_kept(), &rows, scratch);
  }
  if (parts.rows.empty()) return;
  const int64_t dims = parts.parameters.dimensions;
  for (const int64_t row : Span<const int32_t>(rows)) {
    PrefetchToL1(parts.rows.data() + row * dims, dims * sizeof(float));
  }
}

void ScoreRows(const IndexParts& parts, int64_t k, const QueryState& query,
               SearchScratch* scratch) {
  const Span<const int32_t> rows = query.reordered_rows;
  const bool squared_l2 = parts.parameters.distance_measure == DistanceMeasure::kSquaredL2;
  scratch->row_scores.Resize(query.top_codes.most_kept());
  ScoreWithFloats(parts, query.query, rows, scratch);
  scratch->top_rows.Reset(k);
  for (size_t i = 0; i < rows.size(); ++i) {
    const float score = squared_l2 ? -scratch->row_scores[i] : scratch->row_scores[i];
    // No NaN (of overflowing products).
    if (score == score) scratch->top_rows.Add(MakeKey(score, static_cast<uint32_t>(rows[i])));
  }
}

}  // namespace tfscann
