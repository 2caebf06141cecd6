#include "cc/base/executor.h"

#include <mutex>
#include <set>

#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

// Runs a loop and checks the ranges that came.
void ExpectCovers(Executor* executor, int64_t count, int64_t grain) {
  std::mutex mutex;
  std::vector<int> visits(count);
  executor->ParallelFor(count, grain, [&](int64_t begin, int64_t end) {
    std::lock_guard<std::mutex> lock(mutex);
    EXPECT_EQ(begin % grain, 0);
    EXPECT_LE(end - begin, grain);
    EXPECT_LT(begin, end);
    for (int64_t i = begin; i < end; ++i) ++visits[i];
  });
  EXPECT_EQ(visits, std::vector<int>(count, 1)) << "count " << count << ", grain " << grain;
}

TEST(ExecutorTest, EveryItemIsVisitedOnce) {
  InlineExecutor inline_executor;
  for (const int64_t count : {0, 1, 2, 7, 64, 1000}) {
    for (const int64_t grain : {1, 2, 7, 1001}) {
      ExpectCovers(&inline_executor, count, grain);
      for (const int threads : {-1, 0, 1, 2, 5}) {
        ThreadExecutor executor(threads);
        ExpectCovers(&executor, count, grain);
      }
    }
  }
}

TEST(ThreadExecutorTest, RunsNoMoreThreadsThanAskedFor) {
  ThreadExecutor executor(3);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  executor.ParallelFor(1000, 1, [&](int64_t, int64_t) {
    std::lock_guard<std::mutex> lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  EXPECT_LE(threads.size(), 3u);
  EXPECT_FALSE(executor.cancelled());
}

TEST(ThreadExecutorTest, PollThatReturnsFalseCancelsForGood) {
  int polls = 0;
  const std::thread::id caller = std::this_thread::get_id();
  ThreadExecutor executor(1, [&] {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    return ++polls < 3;
  });
  int ranges = 0;
  executor.ParallelFor(100, 10, [&](int64_t, int64_t) { ++ranges; });
  EXPECT_EQ(ranges, 3);
  EXPECT_TRUE(executor.cancelled());
  executor.ParallelFor(100, 10, [&](int64_t, int64_t) { ++ranges; });
  EXPECT_EQ(ranges, 3);
}

TEST(ThreadExecutorTest, CanBeCancelledFromAnyThread) {
  ThreadExecutor executor(4);
  std::atomic<int> ranges{0};
  executor.ParallelFor(1 << 20, 1, [&](int64_t, int64_t) {
    if (++ranges == 5) executor.Cancel();
  });
  EXPECT_TRUE(executor.cancelled());
  EXPECT_LT(ranges, 1 << 20);
}

}  // namespace
}  // namespace tfscann::testing
