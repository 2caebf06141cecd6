// Many threads search one index while others open, search and close theirs. What ThreadSanitizer
// has to say is half of this test.
#include <atomic>
#include <thread>
#include <vector>

#include "cc/io/describe.h"
#include "cc/search/index.h"
#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"

namespace tfscann::testing {
namespace {

TEST(IndexConcurrencyTest, SearchesOpensAndClosesGoOnSideBySide) {
  const TempFolder folder;
  const std::string path = folder.Path("index");
  const Matrix rows = RandomMatrix(1000, 12, 1);
  const Matrix queries = RandomMatrix(30, 12, 2);
  BuildFile(path, rows, TreeConfig(DistanceMeasure::kSquaredL2, 30));
  const IndexFile shared = *OpenIndex(path);
  const Results expected = Search(*shared.index, queries, SearchOptions());

  ScratchPool scratches;
  std::atomic<int> wrong{0};
  const auto search_shared = [&] {
    for (int i = 0; i < 40; ++i) {
      std::unique_ptr<SearchScratch> scratch = scratches.Take();
      if (!(Search(*shared.index, queries, SearchOptions(), {}, scratch.get()) == expected)) {
        ++wrong;
      }
      scratches.Return(std::move(scratch));
    }
  };
  const auto open_and_close = [&] {
    for (int i = 0; i < 40; ++i) {
      const Result<IndexFile> own = OpenIndex(path);
      if (!own.ok() || DescribeIndex(*own) != DescribeIndex(shared) ||
          !(Search(*own->index, queries, SearchOptions()) == expected)) {
        ++wrong;
      }
    }
  };
  // The file is replaced under their eyes by one that is the same.
  const auto rebuild = [&] {
    for (int i = 0; i < 3; ++i) {
      BuildFile(path, rows, TreeConfig(DistanceMeasure::kSquaredL2, 30), {}, /*threads=*/2);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(search_shared);
  for (int i = 0; i < 3; ++i) threads.emplace_back(open_and_close);
  threads.emplace_back(rebuild);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// An index lives as long as someone holds it, whatever became of its file.
TEST(IndexConcurrencyTest, AnIndexOutlivesItsFile) {
  const Matrix rows = RandomMatrix(500, 12, 1);
  const Matrix queries = RandomMatrix(10, 12, 2);
  std::shared_ptr<const Index> index;
  Results expected;
  {
    TempFolder folder;
    BuildFile(folder.Path("index"), rows, TreeConfig(DistanceMeasure::kDotProduct, 20));
    const IndexFile file = *OpenIndex(folder.Path("index"));
    expected = Search(*file.index, queries, SearchOptions());
    index = file.index;
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([held = index, &queries, &expected] {
      EXPECT_EQ(Search(*held, queries, SearchOptions()), expected);
    });
  }
  index.reset();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace tfscann::testing
