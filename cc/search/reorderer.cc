#include "cc/search/reorderer.h"

#include <algorithm>
#include <limits>

#include "cc/kernels/kernels.h"
#include "cc/search/int8_rows.h"

namespace tfscann {
namespace {

// Candidates that get a float32 score. Within the best 15 by int8 score stood the best 10 by
// float32 score in every query of the GloVe set.
int64_t NumFinalCandidates(int64_t k) { return k + std::max<int64_t>(5, k / 2); }

// Replaces positions by rows and keeps the better copy of each. Returns the remaining keys.
Span<ScoredKey> MergeCopies(const IndexParts& parts, Span<ScoredKey> keys, SearchScratch* scratch) {
  for (const ScoredKey key : keys) __builtin_prefetch(&parts.position_rows[KeyItem(key)]);
  for (ScoredKey& key : keys) {
    key = MakeKey(KeyScore(key), static_cast<uint32_t>(parts.position_rows[KeyItem(key)]));
  }
  if (!parts.parameters.soar) return keys;
  RowSet& seen = scratch->seen;
  seen.Reset(static_cast<int64_t>(keys.size()));
  ScoredKey* best = scratch->best_copy.Resize(seen.num_slots());
  for (const ScoredKey key : keys) {
    uint32_t slot;
    const bool is_new = seen.Insert(static_cast<int32_t>(KeyItem(key)), &slot);
    if (is_new || key > best[slot]) best[slot] = key;
  }
  ScoredKey* end = keys.data();
  seen.ForEachSlot([&](uint32_t slot) { *end++ = best[slot]; });
  return {keys.data(), static_cast<size_t>(end - keys.data())};
}

void KeepLargest(int64_t count, Span<ScoredKey>* keys) {
  if (static_cast<int64_t>(keys->size()) <= count) return;
  std::nth_element(keys->begin(), keys->begin() + count, keys->end(), std::greater<ScoredKey>());
  *keys = {keys->data(), static_cast<size_t>(count)};
}

void ScoreWithInt8(const IndexParts& parts, const PreparedQuery& query, Span<ScoredKey> keys) {
  const int64_t dims = parts.parameters.dimensions;
  const Int8Rows rows(parts.int8_rows.data(), dims);
  const bool squared_l2 = parts.parameters.distance_measure == DistanceMeasure::kSquaredL2;
  for (const ScoredKey key : keys) PrefetchToL1(rows.row(KeyItem(key)), rows.stride());
  for (ScoredKey& key : keys) {
    const int64_t row = KeyItem(key);
    int32_t dot;
    ActiveKernels().int8_dot_rows(query.int8_values.data(), rows.row(row), rows.stride(), 1, dims,
                                  &dot);
    float score = dot * (query.int8_scale * rows.scale(row));
    if (squared_l2) score = 2 * score - rows.squared_norm(row);
    // A NaN (of overflowing products) ranks last.
    if (!(score == score)) score = -std::numeric_limits<float>::infinity();
    key = MakeKey(score, static_cast<uint32_t>(row));
  }
}

void ScoreWithFloats(const IndexParts& parts, Span<const ScoredKey> keys, SearchScratch* scratch) {
  const int64_t dims = parts.parameters.dimensions;
  const bool squared_l2 = parts.parameters.distance_measure == DistanceMeasure::kSquaredL2;
  const bool has_floats = !parts.rows.empty();
  const Int8Rows int8_rows(parts.int8_rows.data(), dims);
  const PreparedQuery& query = scratch->query;
  const float* values = has_floats || !squared_l2 ? query.values.data() : query.centered.data();
  float* dequantized = scratch->float_row.Resize(RoundUp(dims, 16) + kFloatOverread);
  const auto score_rows = squared_l2 ? ActiveKernels().squared_l2_rows : ActiveKernels().dot_rows;

  if (has_floats) {
    for (const ScoredKey key : keys) {
      PrefetchToL1(parts.rows.data() + KeyItem(key) * dims, dims * sizeof(float));
    }
  }
  for (const ScoredKey key : keys) {
    const int64_t row = KeyItem(key);
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

void Reorder(const IndexParts& parts, int64_t k, int64_t num_reordering_candidates,
             SearchScratch* scratch) {
  Span<ScoredKey> keys = MergeCopies(parts, scratch->top_codes.Finish(), scratch);
  if (num_reordering_candidates < parts.parameters.num_candidates) {
    KeepLargest(num_reordering_candidates, &keys);
    const int64_t num_final = NumFinalCandidates(k);
    if (static_cast<int64_t>(keys.size()) > num_final) {
      ScoreWithInt8(parts, scratch->query, keys);
      KeepLargest(num_final, &keys);
    }
  }
  scratch->top_rows.Reset(k);
  ScoreWithFloats(parts, keys, scratch);
}

}  // namespace tfscann
