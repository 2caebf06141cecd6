// Wherever memory runs out, opening and searching say so and leave everything usable.
#include <functional>

#include "gtest/gtest.h"
#include "tensorflow_scann/searcher.h"
#include "tests/cc/search/exact_config.h"
#include "tests/cc/testing/allocations.h"
#include "tests/cc/testing/temp_folder.h"

namespace tfscann::testing {
namespace {

using ::tensorflow_scann::Searcher;
using ApiStatus = ::tensorflow_scann::Status;

constexpr DistanceMeasure kMeasure = DistanceMeasure::kDotProduct;

// Calls `attempt` with each of the allocations that it makes failing, and of those after it as many
// as make `count`, until it makes no more. Returns how many attempts failed.
int64_t FailEveryAllocation(int64_t count, const std::function<ApiStatus()>& attempt) {
  for (int64_t next = 0;; ++next) {
    FailAllocations(next, count);
    const ApiStatus status = attempt();
    if (!StopFailingAllocations()) {
      EXPECT_TRUE(status.ok()) << status.message();
      return next;
    }
    EXPECT_EQ(status.code(), ApiStatus::Code::kResourceExhausted) << next << status.message();
  }
}

TEST(SearcherMemoryTest, WhatMemoryDoesNotHoldIsAStatus) {
  TempFolder folder;
  const Matrix rows = ExactMatrix(kMeasure, 300, 6, 1);
  IdentifierValues names = {IdentifierType::kString, {}};
  for (int row = 0; row < 300; ++row) names.values.push_back("item " + std::to_string(row));
  BuildFile(folder.Path("index"), rows, TreeConfig(kMeasure, 12), names);
  const std::string path = folder.Path("index");

  tensorflow_scann::SearchOptions options;
  options.excluded_rows = {{1, 2, 3}};
  std::vector<float> scores(10), expected_scores(10);
  std::vector<int32_t> found(10), expected(10);
  std::unique_ptr<Searcher> searcher;
  ASSERT_TRUE(Searcher::Open(path, &searcher).ok());
  ASSERT_TRUE(
      searcher->Search(rows.row(0), 1, options, expected_scores.data(), expected.data()).ok());

  for (const int64_t count : {1, 1 << 20}) {
    EXPECT_GT(FailEveryAllocation(count,
                                  [&] {
                                    searcher.reset();
                                    return Searcher::Open(path, &searcher);
                                  }),
              10);
    // A new searcher has no working memory yet.
    EXPECT_GT(
        FailEveryAllocation(
            count,
            [&] { return searcher->Search(rows.row(0), 1, options, scores.data(), found.data()); }),
        10);
    EXPECT_EQ(found, expected);
    EXPECT_EQ(scores, expected_scores);
  }
}

}  // namespace
}  // namespace tfscann::testing
