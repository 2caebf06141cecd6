// What a query finds does not depend on its company, on threads or on what was searched before.
#include <limits>
#include <string>
#include <vector>

#include "cc/base/executor.h"
#include "cc/search/index.h"
#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"

namespace tfscann::testing {
namespace {

struct IndexCase {
  std::string name;
  IndexFile file;
};

// One index of each kind.
std::vector<IndexCase> AllKinds(const Matrix& rows) {
  std::vector<IndexCase> cases;
  for (const DistanceMeasure measure : kAllMeasures) {
    BuildConfig int8 = TreeConfig(measure, 40);
    int8.reordering_dtype = ReorderingDtype::kInt8;
    const std::string name = NameOf(measure);
    cases.push_back({name + " exact", BuildIndex(rows, ExactConfig(measure))});
    cases.push_back({name + " tree", BuildIndex(rows, TreeConfig(measure, 40))});
    cases.push_back({name + " tree, no SOAR", BuildIndex(rows, TreeConfig(measure, 40, false))});
    cases.push_back({name + " tree, int8", BuildIndex(rows, int8)});
  }
  return cases;
}

using ExcludedRows = std::vector<std::vector<int32_t>>;

// Each query finds alone what it found in the batch. excluded: those of each, or none at all.
void CheckAlone(const std::string& name, const Index& index, const Matrix& queries,
                const SearchOptions& options, const ExcludedRows& excluded, const Results& batch) {
  for (int64_t q = 0; q < queries.rows(); ++q) {
    const ExcludedRows own = excluded.empty() ? ExcludedRows() : ExcludedRows{excluded[q]};
    const Results alone = Search(index, {queries.row(q), 1, queries.cols()}, options, own);
    ASSERT_EQ(batch.Of(q), alone) << name << ", query " << q;
  }
}

TEST(IndexBatchTest, QueriesFindTheSameAloneAndInABatch) {
  const Matrix rows = RandomMatrix(1000, 20, 1);
  const Matrix queries = RandomMatrix(61, 20, 2);
  SearchOptions options;
  options.k = 7;
  options.num_leaves_to_search = 4;
  for (const IndexCase& kind : AllKinds(rows)) {
    const Index& index = *kind.file.index;
    CheckAlone(kind.name, index, queries, options, {}, Search(index, queries, options));
  }
}

// With more leaves than are sorted, and a first threshold that needs more of them than these.
TEST(IndexBatchTest, QueriesOfManyLeavesFindTheSameAloneAndInABatch) {
  const Matrix rows = RandomMatrix(1000, 20, 1);
  const Matrix queries = RandomMatrix(61, 20, 2);
  ExcludedRows excluded(queries.rows());
  for (int64_t q = 0; q < queries.rows(); q += 3) {
    for (int32_t row = 0; row < 200; ++row) excluded[q].push_back(row);
  }
  SearchOptions options;
  options.k = 20;
  options.num_leaves_to_search = 30;
  options.num_reordering_candidates = 90;
  for (const IndexCase& kind : AllKinds(rows)) {
    const Index& index = *kind.file.index;
    const Results batch = Search(index, queries, options, excluded);
    CheckAlone(kind.name, index, queries, options, excluded, batch);
  }
}

// Leaves so far apart that what their candidates share takes all the bits that it may: thresholds
// exceed any sum. And exclusions, which make far leaves the last of the best.
TEST(IndexBatchTest, QueriesBetweenFarLeavesFindTheSameAloneAndInABatch) {
  constexpr int64_t kDims = 512;
  constexpr int64_t kQueries = 400;
  Matrix rows = RandomMatrix(3000, kDims, 1);
  for (int64_t i = 0; i < 3000; ++i) {
    for (int64_t dim = 0; dim < kDims; ++dim) rows.row(i)[dim] *= 0.2f;
    rows.row(i)[0] = i % 2 == 0 ? 60.0f : -60.0f;
  }
  Matrix queries = RandomMatrix(kQueries, kDims, 2);
  ExcludedRows excluded(kQueries);
  for (int64_t q = 0; q < kQueries; ++q) {
    queries.row(q)[0] = 0.02f * static_cast<float>(q);
    if (q % 4 > 0) continue;
    for (int32_t row = 0; row < 600; ++row) excluded[q].push_back(row);
  }
  const IndexFile file =
      BuildIndex(rows, TreeConfig(DistanceMeasure::kDotProduct, 2, /*soar=*/false));
  SearchOptions options;
  options.num_leaves_to_search = 2;
  options.num_reordering_candidates = 100;
  const Results batch = Search(*file.index, queries, options, excluded);
  CheckAlone("two leaves", *file.index, queries, options, excluded, batch);
}

// In a large batch queries are taken in an order of their own, some hundreds at a time.
TEST(IndexBatchTest, QueriesOfALargeBatchFindWhatTheyFindAlone) {
  constexpr int64_t kQueries = 900;
  const Matrix rows = ClusteredMatrix(2000, 8, 50, 1);
  Matrix queries = RandomMatrix(kQueries, 8, 2);
  queries.row(5)[3] = std::numeric_limits<float>::quiet_NaN();
  queries.row(700)[0] = std::numeric_limits<float>::infinity();
  std::fill_n(queries.row(17), 8, 0.0f);
  ExcludedRows excluded(kQueries);
  for (int64_t q = 0; q < kQueries; q += 3) {
    for (int32_t row = 0; row < 900; ++row) excluded[q].push_back(row);
  }
  SearchOptions options;
  options.k = 4;
  options.num_leaves_to_search = 6;
  for (const DistanceMeasure measure : kAllMeasures) {
    const IndexFile file = BuildIndex(rows, TreeConfig(measure, 300));
    ASSERT_TRUE(file.index->parameters().branches);
    SearchScratch scratch;
    const Results batch = Search(*file.index, queries, options, excluded, &scratch);
    EXPECT_EQ(Search(*file.index, queries, options, excluded, &scratch), batch);
    CheckAlone(NameOf(measure), *file.index, queries, options, excluded, batch);
    EXPECT_EQ(batch.Of(5).rows, std::vector<int32_t>(4, -1));
  }
}

TEST(IndexBatchTest, QueriesMayLieApart) {
  const Matrix rows = RandomMatrix(500, 5, 1);
  const Matrix wide = RandomMatrix(30, 9, 2);
  Matrix queries(30, 5);
  for (int64_t q = 0; q < 30; ++q) std::copy_n(wide.row(q), 5, queries.row(q));
  for (const IndexCase& kind : AllKinds(rows)) {
    EXPECT_EQ(Search(*kind.file.index, {wide.row(0), 30, 5, 9}, SearchOptions()),
              Search(*kind.file.index, queries, SearchOptions()))
        << kind.name;
  }
}

Results SearchWithThreads(const Index& index, const Matrix& queries, const SearchOptions& options,
                          const Exclusions& exclusions, int threads, ScratchPool* scratches) {
  const int64_t count = queries.rows(), k = options.k;
  Results results = {k, std::vector<float>(count * k), std::vector<int32_t>(count * k)};
  ThreadExecutor executor(threads);
  TFSCANN_EXPECT_OK(index.Search(queries, options, exclusions, {&executor, threads, 3, scratches},
                                 {results.scores.data(), count, k},
                                 {results.rows.data(), count, k}));
  return results;
}

TEST(IndexBatchTest, AnyNumberOfThreadsFindsTheSame) {
  const Matrix rows = RandomMatrix(1000, 20, 1);
  const Matrix queries = RandomMatrix(100, 20, 2);
  SearchOptions options;
  options.k = 5;
  ScratchPool scratches;
  for (const IndexCase& kind : AllKinds(rows)) {
    const Results expected = Search(*kind.file.index, queries, options);
    for (const int threads : {1, 2, 5, 300}) {
      EXPECT_EQ(SearchWithThreads(*kind.file.index, queries, options, {}, threads, &scratches),
                expected)
          << kind.name << ", " << threads << " threads";
    }
    EXPECT_EQ(SearchWithThreads(*kind.file.index, Matrix(0, 20), options, {}, 2, &scratches).rows,
              std::vector<int32_t>());
  }
}

TEST(IndexBatchTest, ACancelledSearchIsAnError) {
  const Matrix queries = RandomMatrix(900, 8, 2);
  ThreadExecutor executor(2);
  executor.Cancel();
  ScratchPool scratches;
  std::vector<float> scores(900);
  std::vector<int32_t> found(900);
  SearchOptions options;
  options.k = 1;
  for (const BuildConfig& config :
       {TreeConfig(DistanceMeasure::kDotProduct, 300), ExactConfig(DistanceMeasure::kDotProduct)}) {
    const IndexFile file = BuildIndex(ClusteredMatrix(2000, 8, 50, 1), config);
    const Status status = file.index->Search(queries, options, {}, {&executor, 2, 1, &scratches},
                                             {scores.data(), 900, 1}, {found.data(), 900, 1});
    EXPECT_EQ(status.code(), StatusCode::kCancelled);
  }
}

// More queries than are brought into an order together, and some with exclusions.
TEST(IndexBatchTest, ThreadsShareTheOrderOfALargeBatch) {
  constexpr int64_t kQueries = 70000;
  const Matrix rows = ClusteredMatrix(2000, 4, 50, 1);
  Matrix queries = RandomMatrix(kQueries, 4, 2);
  queries.row(69999)[0] = std::numeric_limits<float>::quiet_NaN();
  std::vector<int32_t> excluded;
  std::vector<int64_t> splits = {0};
  for (int64_t q = 0; q < kQueries; ++q) {
    if (q % 7 == 0) excluded.push_back(static_cast<int32_t>(q % 2000));
    splits.push_back(static_cast<int64_t>(excluded.size()));
  }
  const Exclusions exclusions = {{excluded.data(), excluded.size()},
                                 {splits.data(), splits.size()}};
  SearchOptions options;
  options.k = 2;
  options.num_leaves_to_search = 3;
  const IndexFile file = BuildIndex(rows, TreeConfig(DistanceMeasure::kDotProduct, 300));
  ASSERT_TRUE(file.index->parameters().branches);
  ScratchPool scratches;
  const Results threads =
      SearchWithThreads(*file.index, queries, options, exclusions, 3, &scratches);
  EXPECT_EQ(threads, SearchWithThreads(*file.index, queries, options, exclusions, 1, &scratches));
  SearchScratch scratch;
  for (int64_t q = 0; q < kQueries; q += 1 + q % 500) {
    std::vector<float> scores(2);
    std::vector<int32_t> found(2);
    TFSCANN_EXPECT_OK(file.index->Search({queries.row(q), 1, 4}, options, exclusions.From(q),
                                         &scratch, {scores.data(), 1, 2}, {found.data(), 1, 2}));
    ASSERT_EQ(threads.Of(q), (Results{2, scores, found})) << q;
  }
  EXPECT_EQ(threads.Of(69999).rows, std::vector<int32_t>(2, -1));
}

TEST(IndexBatchTest, OneScratchServesAllIndexesInTurn) {
  const Matrix small = RandomMatrix(50, 3, 1), large = RandomMatrix(1000, 40, 2);
  const Matrix small_queries = RandomMatrix(30, 3, 3), large_queries = RandomMatrix(30, 40, 4);
  const std::vector<IndexCase> small_kinds = AllKinds(small), large_kinds = AllKinds(large);
  const std::vector<std::vector<int32_t>> excluded(30, {1, 2, 3, 4, 5});
  SearchScratch scratch;
  for (size_t i = 0; i < small_kinds.size(); ++i) {
    for (const auto& [kind, queries] :
         {std::pair(&large_kinds[i], &large_queries), std::pair(&small_kinds[i], &small_queries)}) {
      const Index& index = *kind->file.index;
      EXPECT_EQ(Search(index, *queries, SearchOptions(), excluded, &scratch),
                Search(index, *queries, SearchOptions(), excluded));
      EXPECT_EQ(Search(index, *queries, SearchOptions(), {}, &scratch),
                Search(index, *queries, SearchOptions()));
    }
  }
}

}  // namespace
}  // namespace tfscann::testing
