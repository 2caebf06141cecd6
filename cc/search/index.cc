#include "cc/search/index.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "cc/kernels/kernels.h"
#include "cc/search/exact.h"
#include "cc/search/lookup_table.h"
#include "cc/search/query.h"
#include "cc/search/reorderer.h"
#include "cc/search/scorer.h"

namespace tfscann {
namespace {

// Queries that are taken through the stages together: with more of them more share each leaf, and
// more is to be kept in the caches. Fewer are enough where queries come in an order.
constexpr int64_t kUnorderedBatch = 1024;
constexpr int64_t kOrderedBatch = 384;

// Queries that are asked for before they are prepared.
constexpr size_t kQueriesAhead = 4;

// Queries that are brought into an order together: with more of them the memory for it grows, and
// the leaves that neighbours share do not.
constexpr int64_t kMaxOrdered = int64_t{1} << 16;

}  // namespace

Index::Index(const IndexParts& parts, std::shared_ptr<const void> memory)
    : parts_(parts),
      partitioner_(parts.parameters.exact() ? Partitioner() : Partitioner(parts)),
      memory_(std::move(memory)) {}

float Index::missing_score() const {
  const float infinity = std::numeric_limits<float>::infinity();
  return parameters().distance_measure == DistanceMeasure::kSquaredL2 ? infinity : -infinity;
}

Status Index::Search(MatrixView<const float> queries, const SearchOptions& options,
                     const Exclusions& exclusions, SearchScratch* scratch, MatrixView<float> scores,
                     MatrixView<int32_t> rows) const {
  TFSCANN_ASSIGN_OR_RETURN(const Call call, Check(queries, options, exclusions, scores, rows));
  SearchParts(call, 1, queries.rows(), scratch,
              [&](int64_t count, int64_t grain, const auto& body) {
                for (int64_t begin = 0; begin < count; begin += grain) {
                  body(begin, std::min(begin + grain, count), scratch);
                }
              });
  return Status();
}

Status Index::Search(MatrixView<const float> queries, const SearchOptions& options,
                     const Exclusions& exclusions, const SearchThreads& threads,
                     MatrixView<float> scores, MatrixView<int32_t> rows) const {
  const BorrowedScratch shared(threads.scratches);
  if (threads.count <= 1) {
    return Search(queries, options, exclusions, shared.get(), scores, rows);
  }
  TFSCANN_ASSIGN_OR_RETURN(const Call call, Check(queries, options, exclusions, scores, rows));
  const auto on_threads = [&](int64_t count, int64_t grain, const auto& body) {
    threads.executor->ParallelFor(count, grain, [&](int64_t begin, int64_t end) {
      const BorrowedScratch scratch(threads.scratches);
      body(begin, end, scratch.get());
    });
  };
  SearchParts(call, threads.count, threads.least_queries, shared.get(), on_threads);
  if (!threads.executor->cancelled()) return Status();
  return Status(StatusCode::kCancelled, "the search was cancelled");
}

Result<Index::Call> Index::Check(MatrixView<const float> queries, const SearchOptions& options,
                                 const Exclusions& exclusions, MatrixView<float> scores,
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
  if (options.exact && parts_.rows.empty()) {
    return InvalidArgument(
        "exact is true, but the index has int8 candidates only (reordering_dtype is int8)");
  }
  const bool exact = options.exact || parameters().exact();
  return Call{queries, EffortFor(options), exact, exclusions, scores, rows};
}

template <typename ForEachPart>
void Index::SearchParts(const Call& call, int64_t num_threads, int64_t least_queries,
                        SearchScratch* scratch, const ForEachPart& for_each_part) const {
  for (int64_t begin = 0; begin < call.queries.rows(); begin += kMaxOrdered) {
    const int64_t count = std::min(kMaxOrdered, call.queries.rows() - begin);
    const Call part = {call.queries.Rows(begin, count),
                       call.effort,
                       call.exact,
                       call.exclusions.From(begin),
                       call.scores.Rows(begin, count),
                       call.rows.Rows(begin, count)};
    const int64_t batch = BatchSize(part, num_threads, least_queries);
    const Span<const int32_t> order = OrderQueries(part, batch, scratch, for_each_part);
    for_each_part(count, batch, [&](int64_t first, int64_t last, SearchScratch* own) {
      const Span<const int32_t> numbers(order.data() + first, static_cast<size_t>(last - first));
      if (part.exact) {
        SearchExact(part, numbers, own);
      } else {
        SearchTree(part, numbers, own);
      }
    });
  }
}

template <typename ForEachPart>
Span<const int32_t> Index::OrderQueries(const Call& call, int64_t batch, SearchScratch* scratch,
                                        const ForEachPart& for_each_part) const {
  const int64_t num_queries = call.queries.rows();
  int32_t* const order = scratch->query_order.Resize(num_queries);
  std::iota(order, order + num_queries, 0);
  if (!InOrder(call)) return scratch->query_order;
  int32_t* const branches = scratch->branch_of_query.Resize(num_queries);
  // For queries that are not finite, and those that a cancelled executor leaves out.
  scratch->branch_of_query.Zero();
  for_each_part(num_queries, batch, [&](int64_t begin, int64_t end, SearchScratch* own) {
    FindBranches(call, begin, end, own, branches);
  });
  // Neighbouring branches are near each other. Ties as they come.
  const int64_t num_branches = partitioner_.num_branches();
  int64_t* const first = scratch->first_visits.Resize(num_branches + 1);
  scratch->first_visits.Zero();
  for (int64_t i = 0; i < num_queries; ++i) ++first[branches[i] + 1];
  std::partial_sum(first, first + num_branches + 1, first);
  for (int64_t i = 0; i < num_queries; ++i) order[first[branches[i]]++] = static_cast<int32_t>(i);
  return scratch->query_order;
}

bool Index::InOrder(const Call& call) const {
  return !call.exact && partitioner_.num_branches() > 0 && call.queries.rows() > kOrderedBatch;
}

void Index::FindBranches(const Call& call, int64_t begin, int64_t end, SearchScratch* scratch,
                         int32_t* branches) const {
  if (scratch->queries.empty()) scratch->queries.resize(1);
  PreparedQuery& prepared = scratch->queries[0].query;
  for (int64_t i = begin; i < end; ++i) {
    if (!ActiveKernels().all_finite(call.queries.row(i), parameters().dimensions)) continue;
    PrepareQuery(parts_, call.queries.row(i), &prepared);
    branches[i] = partitioner_.BestBranch(prepared, scratch);
  }
}

Index::Effort Index::EffortFor(const SearchOptions& options) const {
  Effort effort;
  effort.k = options.k;
  effort.num_leaves_to_search =
      std::min(options.num_leaves_to_search.value_or(parameters().num_leaves_to_search),
               parameters().num_leaves);
  // The list of the build is long enough for the k that it was measured with.
  const int64_t tuned_k = std::max<int64_t>(1, parameters().tuned_k);
  const int64_t k = std::max(tuned_k, std::min(options.k, parameters().num_candidates));
  // A hostile file may name any number.
  const int64_t list =
      std::clamp<int64_t>(parameters().num_reordering_candidates, 0, parameters().num_candidates);
  const int64_t wanted = options.num_reordering_candidates.value_or(CeilDiv(list * k, tuned_k));
  // Results cannot be more than the candidates that are looked at.
  effort.num_reordering_candidates =
      std::min(std::max(wanted, options.k), parameters().num_candidates);
  return effort;
}

int64_t Index::BatchSize(const Call& call, int64_t num_threads, int64_t least_queries) const {
  const int64_t num_queries = call.queries.rows();
  // Two parts for each thread, so that none waits long for the last.
  int64_t parts =
      std::clamp<int64_t>(num_queries / std::max<int64_t>(1, least_queries), 1, 2 * num_threads);
  if (parts > num_threads) parts -= parts % num_threads;
  if (call.exact) return CeilDiv(num_queries, parts);
  // The more queries choose a leaf the better, but each needs memory until the batch is done.
  constexpr int64_t kMaxBytes = int64_t{64} << 20;
  const int64_t most_leaves =
      std::min(parameters().num_leaves,
               static_cast<int64_t>(LeafDemand::kMost) * call.effort.num_leaves_to_search);
  const int64_t bytes = (int64_t{16} << 10) + 64 * call.effort.num_reordering_candidates +
                        16 * most_leaves + 16 * parameters().num_code_blocks() +
                        8 * parameters().dimensions;
  const int64_t wanted = InOrder(call) ? kOrderedBatch : kUnorderedBatch;
  const int64_t most = std::max<int64_t>(1, std::min(wanted, kMaxBytes / bytes));
  // Even parts, and as many for every thread: the last ones would have nobody to share leaves
  // with, and the other threads would wait for them.
  const int64_t batches = CeilDiv(num_queries, most);
  if (batches > parts) parts = RoundUp(batches, num_threads);
  return CeilDiv(num_queries, parts);
}

void Index::SearchTree(const Call& call, Span<const int32_t> numbers,
                       SearchScratch* scratch) const {
  const Effort& effort = call.effort;
  if (scratch->queries.size() < numbers.size()) scratch->queries.resize(numbers.size());
  QueryState* const states = scratch->queries.data();
  int64_t count = 0;
  for (size_t next = 0; next < numbers.size(); ++next) {
    // In the order of the branches they come from anywhere.
    if (next + kQueriesAhead < numbers.size()) {
      PrefetchToL1(call.queries.row(numbers[next + kQueriesAhead]),
                   parameters().dimensions * static_cast<int64_t>(sizeof(float)));
    }
    const int64_t i = numbers[next];
    if (!ActiveKernels().all_finite(call.queries.row(i), parameters().dimensions)) {
      WriteResults({}, call.scores.row(i), call.rows.row(i), effort.k);
      continue;
    }
    QueryState& state = states[count++];
    state.number = i;
    state.excluded.Reset(static_cast<int64_t>(call.exclusions.Of(i).size()));
    for (const int32_t row : call.exclusions.Of(i)) state.excluded.Insert(row);
    PrepareQuery(parts_, call.queries.row(i), &state.query);
  }

  FindRows(effort.num_leaves_to_search, effort, states, count, scratch);
  // While one query's rows are scored, those of the next ones are on their way.
  for (int64_t q = -2; q < count; ++q) {
    if (q + 2 < count) CollectRows(parts_, &states[q + 2], scratch);
    if (q >= -1 && q + 1 < count) {
      SelectRows(parts_, effort.k, FinalRows(effort), &states[q + 1], scratch);
    }
    if (q < 0) continue;
    const int64_t i = states[q].number;
    WriteResults(FinishQuery(effort, &states[q], scratch), call.scores.row(i), call.rows.row(i),
                 effort.k);
  }
}

void Index::FindRows(int64_t num_leaves, const Effort& effort, QueryState* queries,
                     int64_t num_queries, SearchScratch* scratch) const {
  for (int64_t q = 0; q < num_queries; ++q) {
    partitioner_.ChooseLeaves(num_leaves, kSortedLeaves, &queries[q], scratch);
  }
  const int64_t copies = parameters().soar ? 2 : 1;
  const int64_t keep = copies * effort.num_reordering_candidates;
  for (int64_t q = 0; q < num_queries; ++q) {
    const int64_t needed = keep + copies * queries[q].excluded.size();
    MakeLookupTable(parts_, needed, &queries[q], scratch);
  }
  // Leaf by leaf if the queries share leaves.
  if (num_queries * num_leaves >= 2 * parameters().num_leaves) {
    ScoreChosenLeaves(parts_, keep, queries, num_queries, scratch);
  } else {
    for (int64_t q = 0; q < num_queries; ++q) ScoreChosenLeaves(parts_, keep, &queries[q]);
  }
}

int64_t Index::FinalRows(const Effort& effort) const {
  // Reordering all candidates means to give all of them exact scores.
  const bool all = effort.num_reordering_candidates == parameters().num_candidates;
  return all ? parameters().num_candidates : NumFinalCandidates(effort.k);
}

Span<ScoredKey> Index::FinishQuery(const Effort& effort, QueryState* query,
                                   SearchScratch* scratch) const {
  const int64_t wanted = std::min(effort.k, parameters().num_candidates - query->excluded.size());
  int64_t num_leaves = effort.num_leaves_to_search;
  ScoreRows(parts_, effort.k, *query, scratch);
  while (scratch->top_rows.size() < wanted &&
         static_cast<int64_t>(query->chosen_leaves.size()) < parameters().num_leaves) {
    num_leaves = std::min(2 * num_leaves, parameters().num_leaves);
    FindRows(num_leaves, effort, query, 1, scratch);
    CollectRows(parts_, query, scratch);
    SelectRows(parts_, effort.k, FinalRows(effort), query, scratch);
    ScoreRows(parts_, effort.k, *query, scratch);
  }
  return scratch->top_rows.FinishSorted();
}

void Index::SearchExact(const Call& call, Span<const int32_t> numbers,
                        SearchScratch* scratch) const {
  // Queries that pass over the rows together.
  constexpr int64_t kBatch = 24;
  const int64_t dims = parameters().dimensions;
  const int64_t stride = RoundUp(dims, 16);
  const MatrixView<const float> candidates(parts_.rows.data(), parameters().num_candidates, dims);
  const int64_t keep = std::min(call.effort.k, parameters().num_candidates);
  if (scratch->top_of_query.size() < kBatch) scratch->top_of_query.resize(kBatch);
  if (scratch->excluded_of_query.size() < kBatch) scratch->excluded_of_query.resize(kBatch);
  float* padded = scratch->padded_queries.Resize(kBatch * stride);

  const int64_t num_queries = static_cast<int64_t>(numbers.size());
  for (int64_t begin = 0; begin < num_queries; begin += kBatch) {
    int64_t original[kBatch];
    int64_t count = 0;
    for (int64_t next = begin; next < std::min(begin + kBatch, num_queries); ++next) {
      const int64_t i = numbers[next];
      if (!ActiveKernels().all_finite(call.queries.row(i), dims)) {
        WriteResults({}, call.scores.row(i), call.rows.row(i), call.effort.k);
        continue;
      }
      PadQuery(parameters(), call.queries.row(i), padded + count * stride);
      scratch->top_of_query[count].Reset(keep);
      RowSet& excluded = scratch->excluded_of_query[count];
      excluded.Reset(static_cast<int64_t>(call.exclusions.Of(i).size()));
      for (const int32_t row : call.exclusions.Of(i)) excluded.Insert(row);
      original[count++] = i;
    }
    const auto skip = [&](int64_t q, int64_t row) {
      return scratch->excluded_of_query[q].Contains(static_cast<int32_t>(row));
    };
    ScoreAllRows(parameters().distance_measure, {padded, count, stride}, candidates, 0, skip,
                 &scratch->scores, scratch->top_of_query.data());
    for (int64_t q = 0; q < count; ++q) {
      WriteResults(scratch->top_of_query[q].FinishSorted(), call.scores.row(original[q]),
                   call.rows.row(original[q]), call.effort.k);
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
