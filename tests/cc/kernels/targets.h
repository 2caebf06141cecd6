// Kernel tests run on every target of the CPU at hand.
#ifndef TFSCANN_TESTS_KERNELS_TARGETS_H_
#define TFSCANN_TESTS_KERNELS_TARGETS_H_

#include <string>

#include "cc/kernels/kernels.h"
#include "gtest/gtest.h"

namespace tfscann::testing {

class KernelsTest : public ::testing::TestWithParam<Target> {
 protected:
  const Kernels& kernels() const { return KernelsFor(GetParam()); }
};

inline std::string NameOfTarget(const ::testing::TestParamInfo<Target>& info) {
  return TargetName(info.param);
}

}  // namespace tfscann::testing

// Instantiates the tests of a fixture derived from KernelsTest.
#define TFSCANN_FOR_ALL_TARGETS(fixture)                                                         \
  INSTANTIATE_TEST_SUITE_P(Targets, fixture, ::testing::ValuesIn(::tfscann::SupportedTargets()), \
                           ::tfscann::testing::NameOfTarget)

#endif  // TFSCANN_TESTS_KERNELS_TARGETS_H_
