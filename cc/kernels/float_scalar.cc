// The float kernels for Target::kScalar.
#include <cstdint>

#include "cc/kernels/targets_internal.h"

#define TFSCANN_TARGET_NAMESPACE scalar_target
namespace tfscann {
namespace TFSCANN_TARGET_NAMESPACE {
constexpr int kWidth = 4;  // floats in a register
// Rows of a MultiplyTile: their sums and one column fit in the registers.
constexpr int kMultiplyRows = 4;
}  // namespace TFSCANN_TARGET_NAMESPACE
}  // namespace tfscann
#include "cc/kernels/float_inl.h"

namespace tfscann {

void AddFloatKernelsScalar(Kernels* kernels) { TFSCANN_TARGET_NAMESPACE::AddFloatKernels(kernels); }

}  // namespace tfscann
