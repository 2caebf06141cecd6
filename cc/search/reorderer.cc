#include "cc/search/reorderer.h"

#include <algorithm>
#include <limits>

#include "cc/kernels/kernels.h"
#include "cc/search/int8_rows.h"

namespace tfscann {
namespace {

// Scores rows with their int8 form; replaces them by the best `count`.
void KeepBestByInt8(const IndexParts& parts, int64_t count, const PreparedQuery& query,
                    AlignedBuffer<int32_t>* rows, SearchScratch* scratch) {
  const int64_t dims = parts.parameters.dimensions;
  const Int8Rows int8_rows(parts.int8_rows.data(), dims);
  const bool squared_l2 = parts.parameters.distance_measure == DistanceMeasure::kSquaredL2;
  const int64_t num_rows = static_cast<int64_t>(rows->size());
  int32_t* const dots = scratch->int8_dots.Resize(num_rows);
  ActiveKernels().int8_dot_gathered(query.int8_values.data(), int8_rows.row(0), int8_rows.stride(),
                                    rows->data(), num_rows, dims, dots);
  ScoredKey* const keys = scratch->int8_keys.Resize(num_rows);
  for (int64_t i = 0; i < num_rows; ++i) {
    const int32_t row = (*rows)[i];
    float score = dots[i] * (query.int8_scale * int8_rows.scale(row));
    if (squared_l2) score = 2 * score - int8_rows.squared_norm(row);
    // A NaN (of overflowing products) ranks last.
    if (!(score == score)) score = -std::numeric_limits<float>::infinity();
    keys[i] = MakeKey(score, static_cast<uint32_t>(row));
  }
  std::nth_element(keys, keys + count, keys + num_rows, std::greater<ScoredKey>());
  rows->Resize(count);
  for (int64_t i = 0; i < count; ++i) (*rows)[i] = static_cast<int32_t>(KeyItem(keys[i]));
}

void ScoreWithFloats(const IndexParts& parts, const PreparedQuery& query, Span<const int32_t> rows,
                     SearchScratch* scratch) {
  const int64_t dims = parts.parameters.dimensions;
  const bool squared_l2 = parts.parameters.distance_measure == DistanceMeasure::kSquaredL2;
  const bool has_floats = !parts.rows.empty();
  const Int8Rows int8_rows(parts.int8_rows.data(), dims);
  const float* values = has_floats || !squared_l2 ? query.values.data() : query.centered.data();
  float* dequantized = scratch->float_row.Resize(RoundUp(dims, 16) + kFloatOverread);
  const auto score_rows = squared_l2 ? ActiveKernels().squared_l2_rows : ActiveKernels().dot_rows;

  if (has_floats) {
    for (const int64_t row : rows) {
      PrefetchToL1(parts.rows.data() + row * dims, dims * sizeof(float));
    }
  }
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
  const Int8Rows int8_rows(parts.int8_rows.data(), parts.parameters.dimensions);
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

void ScoreRows(const IndexParts& parts, int64_t k, bool all, QueryState* query,
               SearchScratch* scratch) {
  const int64_t num_final = NumFinalCandidates(k);
  if (!all && static_cast<int64_t>(query->reordered_rows.size()) > num_final) {
    KeepBestByInt8(parts, num_final, query->query, &query->reordered_rows, scratch);
  }
  scratch->top_rows.Reset(k);
  ScoreWithFloats(parts, query->query, query->reordered_rows, scratch);
}

}  // namespace tfscann
