// TensorFlow's threads, as the engine borrows them.
#ifndef TFSCANN_TF_POOL_EXECUTOR_H_
#define TFSCANN_TF_POOL_EXECUTOR_H_

#include <algorithm>
#include <cstdint>
#include <functional>

#include "cc/base/aligned_buffer.h"
#include "cc/base/executor.h"
#include "tensorflow/core/lib/core/threadpool.h"

namespace tfscann {

class PoolExecutor : public Executor {
 public:
  // `pool` must outlive this.
  explicit PoolExecutor(tensorflow::thread::ThreadPool* pool) : pool_(pool) {}

  void ParallelFor(int64_t count, int64_t grain,
                   const std::function<void(int64_t, int64_t)>& body) override {
    using Scheduling = tensorflow::thread::ThreadPool::SchedulingParams;
    const Scheduling one_by_one(tensorflow::thread::ThreadPool::SchedulingStrategy::kFixedBlockSize,
                                absl::nullopt, /*block_size=*/1);
    pool_->ParallelFor(CeilDiv(count, grain), one_by_one, [&](int64_t begin, int64_t end) {
      for (int64_t range = begin; range < end; ++range) {
        body(range * grain, std::min((range + 1) * grain, count));
      }
    });
  }

 private:
  tensorflow::thread::ThreadPool* const pool_;
};

}  // namespace tfscann

#endif  // TFSCANN_TF_POOL_EXECUTOR_H_
