// A search that has been warmed up allocates nothing.
#include <vector>

#include "cc/search/index.h"
#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"
#include "tests/cc/testing/allocations.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kQueries = 50;
constexpr int64_t kDims = 20;

// Operators new called by one pass over all queries, as a batch and one by one.
int64_t AllocationsOf(const Index& index, const Matrix& queries, const Exclusions& exclusions,
                      SearchScratch* scratch) {
  std::vector<float> scores(kQueries * 10);
  std::vector<int32_t> rows(kQueries * 10);
  const MatrixView<float> all_scores(scores.data(), kQueries, 10);
  const MatrixView<int32_t> all_rows(rows.data(), kQueries, 10);
  const int64_t before = Allocations();
  Status status = index.Search(queries, SearchOptions(), exclusions, scratch, all_scores, all_rows);
  for (int64_t q = 0; q < kQueries && status.ok(); ++q) {
    const Exclusions of_query = {exclusions.rows, {exclusions.splits.data() + q, 2}};
    status = index.Search(queries.view().Rows(q, 1), SearchOptions(), of_query, scratch,
                          all_scores.Rows(q, 1), all_rows.Rows(q, 1));
  }
  const int64_t made = Allocations() - before;
  TFSCANN_EXPECT_OK(status);
  return made;
}

TEST(IndexAllocationTest, WarmSearchesAllocateNothing) {
  const Matrix rows = RandomMatrix(3000, kDims, 1);
  const Matrix queries = RandomMatrix(kQueries, kDims, 2);
  std::vector<int32_t> excluded;
  std::vector<int64_t> splits = {0};
  for (int64_t q = 0; q < kQueries; ++q) {
    for (int64_t i = 0; i < 5 * q; ++i) excluded.push_back(static_cast<int32_t>(i));
    splits.push_back(static_cast<int64_t>(excluded.size()));
  }
  const Exclusions exclusions = {excluded, splits};
  for (const DistanceMeasure measure : kAllMeasures) {
    for (const bool tree : {false, true}) {
      for (const ReorderingDtype dtype : {ReorderingDtype::kFloat32, ReorderingDtype::kInt8}) {
        BuildConfig config = tree ? TreeConfig(measure, 60) : ExactConfig(measure);
        config.reordering_dtype = dtype;
        const IndexFile file = BuildIndex(rows, config);
        SearchScratch scratch;
        EXPECT_GT(AllocationsOf(*file.index, queries, exclusions, &scratch), 0);
        EXPECT_EQ(AllocationsOf(*file.index, queries, exclusions, &scratch), 0)
            << NameOf(measure) << (tree ? " tree" : " exact");
      }
    }
  }
}

TEST(ScratchPoolTest, ReturnedScratchIsTakenAgain) {
  ScratchPool pool;
  std::unique_ptr<SearchScratch> scratch = pool.Take();
  const SearchScratch* const first = scratch.get();
  std::unique_ptr<SearchScratch> other = pool.Take();
  EXPECT_NE(other.get(), first);
  pool.Return(std::move(scratch));
  EXPECT_EQ(pool.Take().get(), first);
}

}  // namespace
}  // namespace tfscann::testing
