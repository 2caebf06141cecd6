#include "tests/cc/kernels/int8_cases.h"
#include "tests/cc/kernels/targets.h"

namespace tfscann::testing {
namespace {

using Int8Test = KernelsTest;
TFSCANN_FOR_ALL_TARGETS(Int8Test);

TEST_P(Int8Test, DotRowsIsExact) { CheckInt8DotRows(kernels().int8_dot_rows); }

}  // namespace
}  // namespace tfscann::testing
