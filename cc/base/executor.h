// How the engine borrows threads. It starts none of its own: TensorFlow, the Python module or a
// C++ program supplies a ParallelFor. Standard library only.
#ifndef TFSCANN_BASE_EXECUTOR_H_
#define TFSCANN_BASE_EXECUTOR_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace tfscann {

class Executor {
 public:
  virtual ~Executor() = default;

  // Calls `body(begin, end)` on disjoint ranges of at most `grain` items that together cover
  // [0, count), possibly at the same time on several threads, and returns when all have ended.
  // Every range but the last starts at a multiple of `grain`. What `body` computes for an item
  // must not depend on which thread runs it.
  // An executor that has been cancelled may leave ranges out; see cancelled().
  virtual void ParallelFor(int64_t count, int64_t grain,
                           const std::function<void(int64_t, int64_t)>& body) = 0;

  // True once the work should be given up. Whoever called ParallelFor must check it before using
  // what the ranges produced.
  virtual bool cancelled() const { return false; }
};

// Runs everything on the calling thread.
class InlineExecutor : public Executor {
 public:
  void ParallelFor(int64_t count, int64_t grain,
                   const std::function<void(int64_t, int64_t)>& body) override {
    for (int64_t begin = 0; begin < count; begin += grain) {
      body(begin, std::min(begin + grain, count));
    }
  }
};

// Threads for programs without a pool of their own: starts them for each ParallelFor, the caller
// being one of them. `poll` is called on the calling thread between its ranges; returning false
// cancels the executor for good.
class ThreadExecutor : public Executor {
 public:
  explicit ThreadExecutor(int num_threads, std::function<bool()> poll = nullptr)
      : num_threads_(std::max(1, num_threads)), poll_(std::move(poll)) {}

  void ParallelFor(int64_t count, int64_t grain,
                   const std::function<void(int64_t, int64_t)>& body) override {
    std::atomic<int64_t> next{0};
    auto take_ranges = [&](bool is_caller) {
      while (!cancelled()) {
        const int64_t begin = next.fetch_add(grain);
        if (begin >= count) return;
        body(begin, std::min(begin + grain, count));
        if (is_caller && poll_ && !poll_()) Cancel();
      }
    };
    const int64_t ranges = (count + grain - 1) / grain;
    std::vector<std::thread> helpers;
    for (int64_t i = 1; i < std::min<int64_t>(num_threads_, ranges); ++i) {
      helpers.emplace_back(take_ranges, false);
    }
    take_ranges(true);
    for (std::thread& helper : helpers) helper.join();
  }

  void Cancel() { cancelled_ = true; }
  bool cancelled() const override { return cancelled_.load(std::memory_order_relaxed); }

 private:
  const int num_threads_;
  const std::function<bool()> poll_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace tfscann

#endif  // TFSCANN_BASE_EXECUTOR_H_
