#include "tests/cc/kernels/int8_cases.h"
#include "tests/cc/kernels/targets.h"

namespace tfscann::testing {
namespace {

using Int8Test = KernelsTest;
TFSCANN_FOR_ALL_TARGETS(Int8Test);

TEST_P(Int8Test, DotGatheredIsExact) { CheckInt8DotGathered(kernels().int8_dot_gathered); }

TEST_P(Int8Test, DotPackedIsExact) { CheckInt8DotPacked(kernels().int8_dot_packed); }

}  // namespace
}  // namespace tfscann::testing
