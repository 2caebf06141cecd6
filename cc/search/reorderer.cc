#include "cc/search/reorderer.h"

#include <algorithm>
#include <limits>

#include "cc/kernels/kernels.h"
#include "cc/search/int8_rows.h"

namespace tfscann {
namespace {

// Replaces the rows by the best `count` by the scores of their int8 forms; there are more.
void KeepBestByInt8(const IndexParts& parts, int64_t count, const PreparedQuery& query,
                    AlignedBuffer<int32_t>* rows, SearchScratch* scratch) {
  const int64_t dims = parts.parameters.dimensions;
  const Int8Rows int8_rows = parts.CandidateInt8Rows();
  const bool squared_l2 = parts.parameters.distance_measure == DistanceMeasure::kSquaredL2;
  const int64_t num_rows = static_cast<int64_t>(rows->size());
  const int64_t padded_rows = RoundUp(num_rows, 16);
  constexpr float kWorst = -std::numeric_limits<float>::infinity();
  int32_t* const dots = scratch->int8_dots.Resize(num_rows);
  ActiveKernels().int8_dot_gathered(query.int8_values.data(), int8_rows.row(0), int8_rows.stride(),
                                    rows->data(), num_rows, dims, dots);
  float* const scores = scratch->int8_scores.Resize(padded_rows);
  for (int64_t i = 0; i < num_rows; ++i) {
    const int32_t row = (*rows)[i];
    float score = dots[i] * (query.int8_scale * int8_rows.scale(row));
    if (squared_l2) score = 2 * score - int8_rows.squared_norm(row);
    // A NaN (of overflowing products) ranks last.
    scores[i] = score == score ? score : kWorst;
  }
  std::fill(scores + num_rows, scores + padded_rows, kWorst);

  const float bound = ActiveKernels().bound_of_largest(scores, padded_rows, count);
  int32_t* const best = scratch->int8_best.Resize(num_rows + 16);
  int64_t num_best = ActiveKernels().indices_at_least(scores, num_rows, bound, best);
  if (num_best > count) {
    // Of equal scores the lower rows.
    std::nth_element(best, best + count, best + num_best, [&](int32_t i, int32_t j) {
      return scores[i] != scores[j] ? scores[i] > scores[j] : (*rows)[i] < (*rows)[j];
    });
    num_best = count;
  }
  int32_t* const kept = scratch->kept_rows.Resize(num_best);
  for (int64_t i = 0; i < num_best; ++i) kept[i] = (*rows)[best[i]];
  rows->swap(scratch->kept_rows);
}

void ScoreWithFloats(const IndexParts& parts, const PreparedQuery& query, Span<const int32_t> rows,
                     SearchScratch* scratch) {
  const int64_t dims = parts.parameters.dimensions;
  const bool squared_l2 = parts.parameters.distance_measure == DistanceMeasure::kSquaredL2;
  const bool has_floats = !parts.rows.empty();
  const Int8Rows int8_rows = parts.CandidateInt8Rows();
  const float* values = has_floats || !squared_l2 ? query.values.data() : query.centered.data();
  float* dequantized = scratch->float_row.Resize(RoundUp(dims, 16) + kFloatOverread);
  const auto score_rows = squared_l2 ? ActiveKernels().squared_l2_rows : ActiveKernels().dot_rows;

  for (const int64_t row : rows) {
    const float* x = parts.rows.data() + row * dims;
    if (!has_floats) {
      int8_rows.Dequantize(row, dequantized);
      x = dequantized;
    }
    float score;
    score_rows(values, 0, 1, x, 0, 1, dims, &score, 0);
    if (squared_l2) score = -score;
    if (score == score) scratch->top_rows.Add(MakeKey(score, static_cast<uint32_t>(row)));
  }
}

}  // namespace

void CollectRows(const IndexParts& parts, QueryState* query, SearchScratch* scratch) {
  const Span<const uint32_t> positions = query->top_codes.Finish();
  for (const uint32_t position : positions) __builtin_prefetch(&parts.position_rows[position]);
  const Int8Rows int8_rows = parts.CandidateInt8Rows();
  int32_t* const rows = query->reordered_rows.Resize(positions.size());
  int64_t num_rows = 0;
  RowSet& seen = scratch->seen;
  if (parts.parameters.soar) seen.Reset(static_cast<int64_t>(positions.size()));
  for (const uint32_t position : positions) {
    const int32_t row = parts.position_rows[position];
    rows[num_rows] = row;
    num_rows += !parts.parameters.soar || seen.Insert(row);
    PrefetchToL1(int8_rows.row(row), int8_rows.stride());
  }
  query->reordered_rows.Resize(num_rows);
}

void SelectRows(const IndexParts& parts, int64_t count, QueryState* query, SearchScratch* scratch) {
  if (static_cast<int64_t>(query->reordered_rows.size()) > count) {
    KeepBestByInt8(parts, count, query->query, &query->reordered_rows, scratch);
  }
  if (parts.rows.empty()) return;
  const int64_t dims = parts.parameters.dimensions;
  for (const int64_t row : Span<const int32_t>(query->reordered_rows)) {
    PrefetchToL1(parts.rows.data() + row * dims, dims * sizeof(float));
  }
}

void ScoreRows(const IndexParts& parts, int64_t k, const QueryState& query,
               SearchScratch* scratch) {
  scratch->top_rows.Reset(k);
  ScoreWithFloats(parts, query.query, query.reordered_rows, scratch);
}

}  // namespace tfscann
