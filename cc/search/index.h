// A built index, ready to be searched.
//
// An Index never changes: any number of threads may search it at the same time, each with a scratch
// of its own. It views memory (a mapped file, usually) that it keeps alive.
#ifndef TFSCANN_SEARCH_INDEX_H_
#define TFSCANN_SEARCH_INDEX_H_

#include <memory>

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/search/index_parts.h"
#include "cc/search/options.h"
#include "cc/search/partitioner.h"
#include "cc/search/scratch.h"

namespace tfscann {

// Callers that split a batch over threads lose nothing by parts of this size.
inline constexpr int64_t kMaxSearchBatch = 8192;

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

  // The order in which queries are taken: where InOrder, those that will share leaves one
  // after another; else as they come.
  Span<const int32_t> OrderQueries(MatrixView<const float> queries, SearchScratch* scratch) const;
  // Whether there are branches to order by, and enough queries to gain by it.
  bool InOrder(int64_t num_queries) const;
  // Queries taken through the stages together.
  int64_t BatchSize(const Effort& effort, int64_t num_queries) const;
  // Searches for the queries with these numbers.
  void SearchTree(MatrixView<const float> queries, Span<const int32_t> numbers,
                  const Effort& effort, const Exclusions& exclusions, SearchScratch* scratch,
                  MatrixView<float> scores, MatrixView<int32_t> rows) const;
  // The stages up to the rows that are to be reordered, for all of the given queries.
  void FindRows(int64_t num_leaves, const Effort& effort, QueryState* queries, int64_t num_queries,
                SearchScratch* scratch) const;
  // Candidates of a query that get their final scores.
  int64_t FinalRows(const Effort& effort) const;
  // The last stage. Where too few results are found, more leaves are searched.
  Span<ScoredKey> FinishQuery(const Effort& effort, QueryState* query,
                              SearchScratch* scratch) const;

  void SearchExact(MatrixView<const float> queries, const Effort& effort,
                   const Exclusions& exclusions, SearchScratch* scratch, MatrixView<float> scores,
                   MatrixView<int32_t> rows) const;
  void WriteResults(Span<const ScoredKey> best, float* scores, int32_t* rows, int64_t k) const;

  const IndexParts parts_;
  const Partitioner partitioner_;
  const std::shared_ptr<const void> memory_;
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_INDEX_H_
