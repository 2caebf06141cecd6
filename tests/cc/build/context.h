// Contexts for the stages of a build.
#ifndef TFSCANN_TESTS_BUILD_CONTEXT_H_
#define TFSCANN_TESTS_BUILD_CONTEXT_H_

#include <cstdint>

#include "cc/base/executor.h"
#include "cc/build/config.h"

namespace tfscann::testing {

// A context on `threads` threads that reports to no one.
class TestContext {
 public:
  explicit TestContext(int threads = 1, uint64_t seed = 1) : executor_(threads), seed_(seed) {}
  BuildContext operator()() { return {&executor_, nullptr, seed_}; }
  void Cancel() { executor_.Cancel(); }

 private:
  ThreadExecutor executor_;
  uint64_t seed_;
};

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_BUILD_CONTEXT_H_
