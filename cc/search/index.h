// A built index, ready to be searched.
//
// An Index never changes: any number of threads may search it at the same time, each with a scratch
// of its own. It views memory (a mapped file, usually) that it keeps alive.
#ifndef TFSCANN_SEARCH_INDEX_H_
#define TFSCANN_SEARCH_INDEX_H_

#include <memory>

#include "cc/base/executor.h"
#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/search/index_parts.h"
#include "cc/search/options.h"
#include "cc/search/partitioner.h"
#include "cc/search/scratch.h"

namespace tfscann {

// Threads that a search is shared out among, and the memory for each.
struct SearchThreads {
  Executor* executor;
  int64_t count;
  int64_t least_queries;  // fewer are not worth another thread
  ScratchPool* scratches;
};

class Index {
 public:
  // `parts` must be valid (see io/index_file.h) and stay so while `memory` lives.
  Index(const IndexParts& parts, std::shared_ptr<const void> memory);

  const IndexParameters& parameters() const { return parts_.parameters; }
  const Identifiers& identifiers() const { return parts_.identifiers; }
  const IndexParts& parts() const { return parts_; }

  // Finds the best k candidates for each query [b, d], best first:
  //   scores[b, k]  dot product, cosine, or squared Euclidean distance
  //   rows[b, k]    the candidates' row numbers
  // Of equal scores the lower row comes first. Where fewer than k candidates remain after the
  // exclusions, and in all places of a query with a NaN or infinity, the score is missing_score()
  // and the row -1. Where k remain, k are returned: if the leaves searched have too few of them,
  // more are searched.
  Status Search(MatrixView<const float> queries, const SearchOptions& options,
                const Exclusions& exclusions, SearchScratch* scratch, MatrixView<float> scores,
                MatrixView<int32_t> rows) const;
  // The same by several threads; an error if the executor is cancelled.
  Status Search(MatrixView<const float> queries, const SearchOptions& options,
                const Exclusions& exclusions, const SearchThreads& threads,
                MatrixView<float> scores, MatrixView<int32_t> rows) const;

  // -infinity, or infinity for squared_l2.
  float missing_score() const;

 private:
  // What an option unset or too large comes to.
  struct Effort {
    int64_t k;
    int64_t num_leaves_to_search;
    int64_t num_reordering_candidates;
  };
  Effort EffortFor(const SearchOptions& options) const;

  // A search that was found to be in order.
  struct Call {
    MatrixView<const float> queries;
    Effort effort;
    bool exact;
    Exclusions exclusions;
    MatrixView<float> scores;
    MatrixView<int32_t> rows;
  };
  Result<Call> Check(MatrixView<const float> queries, const SearchOptions& options,
                     const Exclusions& exclusions, MatrixView<float> scores,
                     MatrixView<int32_t> rows) const;

  // Searches part by part: `for_each_part(count, grain, body)` is an Executor's ParallelFor, whose
  // `body` is given a scratch, too. `scratch` is for what the parts share.
  template <typename ForEachPart>
  void SearchParts(const Call& call, int64_t num_threads, int64_t least_queries,
                   SearchScratch* scratch, const ForEachPart& for_each_part) const;
  // The order in which queries are taken: where InOrder, those that will share leaves one
  // after another; else as they come.
  template <typename ForEachPart>
  Span<const int32_t> OrderQueries(const Call& call, int64_t batch, SearchScratch* scratch,
                                   const ForEachPart& for_each_part) const;
  // Whether there are branches to order by, and enough queries to gain by it.
  bool InOrder(const Call& call) const;
  // The best branches of those of the queries [begin, end) that are finite.
  void FindBranches(const Call& call, int64_t begin, int64_t end, SearchScratch* scratch,
                    int32_t* branches) const;
  // Queries taken through the stages together by a thread.
  int64_t BatchSize(const Call& call, int64_t num_threads, int64_t least_queries) const;
  // Searches for the queries with these numbers.
  void SearchTree(const Call& call, Span<const int32_t> numbers, SearchScratch* scratch) const;
  // The stages up to the rows that are to be reordered, for all of the given queries.
  void FindRows(int64_t num_leaves, const Effort& effort, QueryState* queries, int64_t num_queries,
                SearchScratch* scratch) const;
  // Candidates of a query that get their final scores.
  int64_t FinalRows(const Effort& effort) const;
  // The last stage. Where too few results are found, more leaves are searched.
  Span<ScoredKey> FinishQuery(const Effort& effort, QueryState* query,
                              SearchScratch* scratch) const;

  void SearchExact(const Call& call, Span<const int32_t> numbers, SearchScratch* scratch) const;
  void WriteResults(Span<const ScoredKey> best, float* scores, int32_t* rows, int64_t k) const;

  const IndexParts parts_;
  const Partitioner partitioner_;
  const std::shared_ptr<const void> memory_;
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_INDEX_H_
