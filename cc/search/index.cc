#include "cc/search/index.h"

#include <algorithm>
#include <limits>

#include "cc/kernels/kernels.h"
#include "cc/search/exact.h"
#include "cc/search/lookup_table.h"
#include "cc/search/partitioner.h"
#include "cc/search/query.h"
#include "cc/search/reorderer.h"
#include "cc/search/scorer.h"

namespace tfscann {

Index::Index(const IndexParts& parts, std::shared_ptr<const void> memory)
    : parts_(parts), memory_(std::move(memory)) {}

float Index::missing_score() const {
  const float infinity = std::numeric_limits<float>::infinity();
  return parameters().distance_measure == DistanceMeasure::kSquaredL2 ? infinity : -infinity;
}

Status Index::Search(MatrixView<const float> queries, const SearchOptions& options,
                     const Exclusions& exclusions, SearchScratch* scratch, MatrixView<float> scores,
                     MatrixView<int32_t> rows) const {
  if (queries.cols() != parameters().dimensions) {
    return InvalidArgument("queries have ", queries.cols(), " dimensions, but the index has ",
                           parameters().dimensions);
  }
  if (options.k < 1) return InvalidArgument("k is ", options.k, ", but must be at least 1");
  const std::pair<const char*, std::optional<int64_t>> efforts[] = {
      {"num_leaves_to_search", options.num_leaves_to_search},
      {"num_reordering_candidates", options.num_reordering_candidates}};
  for (const auto& [name, value] : efforts) {
    if (value.has_value() && *value < 1) {
      return InvalidArgument(name, " is ", *value, ", but must be at least 1");
    }
  }
  const Effort effort = EffortFor(options);
  if (parameters().exact()) {
    SearchExact(queries, effort, exclusions, scratch, scores, rows);
    return Status();
  }
  for (int64_t i = 0; i < queries.rows(); ++i) {
    SearchTree(queries.row(i), effort, exclusions.Of(i), scratch, scores.row(i), rows.row(i));
  }
  return Status();
}

Index::Effort Index::EffortFor(const SearchOptions& options) const {
  Effort effort;
  effort.k = options.k;
  effort.num_leaves_to_search =
      std::min(options.num_leaves_to_search.value_or(parameters().num_leaves_to_search),
               parameters().num_leaves);
  // Results cannot be more than the candidates that are looked at.
  const int64_t wanted =
      options.num_reordering_candidates.value_or(parameters().num_reordering_candidates);
  effort.num_reordering_candidates =
      std::min(std::max(wanted, options.k), parameters().num_candidates);
  return effort;
}

void Index::SearchTree(const float* query, const Effort& effort, Span<const int32_t> excluded,
                       SearchScratch* scratch, float* scores, int32_t* rows) const {
  if (!ActiveKernels().all_finite(query, parameters().dimensions)) {
    WriteResults({}, scores, rows, effort.k);
    return;
  }
  scratch->excluded.Reset(static_cast<int64_t>(excluded.size()));
  for (const int32_t row : excluded) scratch->excluded.Insert(row);
  const int64_t wanted = std::min(effort.k, parameters().num_candidates - scratch->excluded.size());

  PrepareQuery(parts_, query, &scratch->query);
  int64_t num_leaves = effort.num_leaves_to_search;
  SearchLeaves(num_leaves, effort, scratch);
  while (scratch->top_rows.size() < wanted && num_leaves < parameters().num_leaves) {
    num_leaves = std::min(2 * num_leaves, parameters().num_leaves);
    SearchLeaves(num_leaves, effort, scratch);
  }
  WriteResults(scratch->top_rows.FinishSorted(), scores, rows, effort.k);
}

void Index::SearchLeaves(int64_t num_leaves, const Effort& effort, SearchScratch* scratch) const {
  const int64_t copies = parameters().soar ? 2 : 1;
  ChooseLeaves(parts_, num_leaves, scratch);
  MakeLookupTable(parts_, scratch);
  ScoreChosenLeaves(parts_, copies * effort.num_reordering_candidates, scratch);
  Reorder(parts_, effort.k, effort.num_reordering_candidates, scratch);
}

void Index::SearchExact(MatrixView<const float> queries, const Effort& effort,
                        const Exclusions& exclusions, SearchScratch* scratch,
                        MatrixView<float> scores, MatrixView<int32_t> rows) const {
  // Queries that pass over the rows together.
  constexpr int64_t kBatch = 24;
  const int64_t dims = parameters().dimensions;
  const int64_t stride = RoundUp(dims, 16);
  const MatrixView<const float> candidates(parts_.rows.data(), parameters().num_candidates, dims);
  const int64_t keep = std::min(effort.k, parameters().num_candidates);
  if (scratch->top_of_query.size() < kBatch) {
    scratch->top_of_query.resize(kBatch);
    scratch->excluded_of_query.resize(kBatch);
  }
  float* padded = scratch->padded_queries.Resize(kBatch * stride);

  for (int64_t begin = 0; begin < queries.rows(); begin += kBatch) {
    int64_t original[kBatch];
    int64_t count = 0;
    for (int64_t i = begin; i < std::min(begin + kBatch, queries.rows()); ++i) {
      if (!ActiveKernels().all_finite(queries.row(i), dims)) {
        WriteResults({}, scores.row(i), rows.row(i), effort.k);
        continue;
      }
      PadQuery(parameters(), queries.row(i), padded + count * stride);
      scratch->top_of_query[count].Reset(keep);
      RowSet& excluded = scratch->excluded_of_query[count];
      excluded.Reset(static_cast<int64_t>(exclusions.Of(i).size()));
      for (const int32_t row : exclusions.Of(i)) excluded.Insert(row);
      original[count++] = i;
    }
    const auto skip = [&](int64_t q, int64_t row) {
      return scratch->excluded_of_query[q].Contains(static_cast<int32_t>(row));
    };
    ScoreAllRows(parameters().distance_measure, {padded, count, stride}, candidates, 0, skip,
                 &scratch->scores, scratch->top_of_query.data());
    for (int64_t q = 0; q < count; ++q) {
      WriteResults(scratch->top_of_query[q].FinishSorted(), scores.row(original[q]),
                   rows.row(original[q]), effort.k);
    }
  }
}

void Index::WriteResults(Span<const ScoredKey> best, float* scores, int32_t* rows,
                         int64_t k) const {
  const bool squared_l2 = parameters().distance_measure == DistanceMeasure::kSquaredL2;
  const int64_t found = static_cast<int64_t>(best.size());
  for (int64_t i = 0; i < found; ++i) {
    const float score = FromOrderedBits(KeyScore(best[i]));
    // The best distance is 0, not -0.
    scores[i] = squared_l2 ? 0.0f - score : score;
    rows[i] = static_cast<int32_t>(KeyItem(best[i]));
  }
  std::fill(scores + found, scores + k, missing_score());
  std::fill(rows + found, rows + k, -1);
}

}  // namespace tfscann
