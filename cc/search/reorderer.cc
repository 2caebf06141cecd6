#include "cc/search/reorderer.h"

#include <algorithm>
#include <limits>

#include "cc/kernels/kernels.h"
#include "cc/search/int8_rows.h"

namespace tfscann {
namespace {

constexpr float kWorst = -std::numeric_limits<float>::infinity();

// Fills the scratch's int8_scores with the scores of the rows' int8 forms; up to a multiple of 16
// with the worst.
void ScoreByInt8(const IndexParts& parts, const PreparedQuery& query, Span<const int32_t> rows,
                 SearchScratch* scratch) {
  const Int8Rows int8_rows = parts.CandidateInt8Rows();
  const bool squared_l2 = parts.parameters.distance_measure == DistanceMeasure::kSquaredL2;
  const int64_t num_rows = static_cast<int64_t>(rows.size());
  int32_t* const dots = scratch->int8_dots.Resize(num_rows);
  ActiveKernels().int8_dot_gathered(query.int8_values.data(), int8_rows.row(0), int8_rows.stride(),
                                    rows.data(), num_rows, parts.parameters.dimensions, dots);
  float* const scores = scratch->int8_scores.Resize(RoundUp(num_rows, 16));
  for (int64_t i = 0; i < num_rows; ++i) {
    float score = dots[i] * (query.int8_scale * int8_rows.scale(rows[i]));
    if (squared_l2) score = 2 * score - int8_rows.squared_norm(rows[i]);
    // A NaN (of overflowing products) ranks last.
    scores[i] = score == score ? score : kWorst;
  }
  std::fill(scores + num_rows, scores + scratch->int8_scores.size(), kWorst);
}

// Replaces the rows, each of which may stand there as often as a candidate has copies, by the best
// `count` different ones by the scores of their int8 forms; of equal scores the lower rows. Other
// queries may have most_rows.
void KeepBestByInt8(const IndexParts& parts, int64_t count, const PreparedQuery& query,
                    int64_t most_rows, AlignedBuffer<int32_t>* rows, SearchScratch* scratch) {
  scratch->int8_dots.Resize(most_rows);
  scratch->int8_scores.Resize(RoundUp(most_rows, 16));
  scratch->int8_best.Resize(most_rows + 16);
  scratch->int8_keys.Resize(most_rows);
  ScoreByInt8(parts, query, *rows, scratch);
  const float* const scores = scratch->int8_scores.data();
  const int64_t num_rows = static_cast<int64_t>(rows->size());
  const int64_t copies = parts.parameters.soar ? 2 : 1;
  const float bound =
      ActiveKernels().bound_of_largest(scores, static_cast<int64_t>(scratch->int8_scores.size()),
                                       std::min(num_rows, copies * count));
  int32_t* const best = scratch->int8_best.Resize(num_rows + 16);
  const int64_t num_best = ActiveKernels().indices_at_least(scores, num_rows, bound, best);
  // Copies have equal keys.
  ScoredKey* const keys = scratch->int8_keys.Resize(num_best);
  for (int64_t i = 0; i < num_best; ++i) {
    keys[i] = MakeKey(scores[best[i]], static_cast<uint32_t>((*rows)[best[i]]));
  }
  std::sort(keys, keys + num_best, std::greater<ScoredKey>());
  const int64_t num_kept = std::min(count, std::unique(keys, keys + num_best) - keys);
  rows->Resize(num_kept);
  for (int64_t i = 0; i < num_kept; ++i) (*rows)[i] = static_cast<int32_t>(KeyItem(keys[i]));
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

void CollectRows(const IndexParts& parts, QueryState* query) {
  const Span<const uint32_t> positions = query->top_codes.Finish();
  for (const uint32_t position : positions) __builtin_prefetch(&parts.position_rows[position]);
  const Int8Rows int8_rows = parts.CandidateInt8Rows();
  // Room for as many as there may be, so that a query with more than those before allocates
  // nothing.
  query->reordered_rows.Resize(query->top_codes.most_kept());
  int32_t* const rows = query->reordered_rows.Resize(positions.size());
  for (size_t i = 0; i < positions.size(); ++i) {
    rows[i] = parts.position_rows[positions[i]];
    PrefetchToL1(int8_rows.row(rows[i]), int8_rows.stride());
  }
}

void SelectRows(const IndexParts& parts, int64_t count, QueryState* query, SearchScratch* scratch) {
  AlignedBuffer<int32_t>& rows = query->reordered_rows;
  // If all candidates may stay, so do all of these.
  const bool all = count >= parts.parameters.num_candidates;
  if (!all && static_cast<int64_t>(rows.size()) > count) {
    KeepBestByInt8(parts, count, query->query, query->top_codes.most_kept(), &rows, scratch);
  } else if (parts.parameters.soar) {
    std::sort(rows.data(), rows.data() + rows.size());
    rows.Resize(std::unique(rows.data(), rows.data() + rows.size()) - rows.data());
  }
  if (parts.rows.empty()) return;
  const int64_t dims = parts.parameters.dimensions;
  for (const int64_t row : Span<const int32_t>(rows)) {
    PrefetchToL1(parts.rows.data() + row * dims, dims * sizeof(float));
  }
}

void ScoreRows(const IndexParts& parts, int64_t k, const QueryState& query,
               SearchScratch* scratch) {
  scratch->top_rows.Reset(k);
  ScoreWithFloats(parts, query.query, query.reordered_rows, scratch);
}

}  // namespace tfscann
