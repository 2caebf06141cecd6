// The float kernels for Target::kAvx2.
#include <cstdint>

#include "cc/kernels/targets_internal.h"

#define TFSCANN_TARGET_NAMESPACE avx2_target
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace tfscann {
namespace TFSCANN_TARGET_NAMESPACE {
constexpr int kWidth = 8;  // floats in a register
// Rows of a MultiplyTile: their sums and one column fit in the registers.
constexpr int kMultiplyRows = 6;
}  // namespace TFSCANN_TARGET_NAMESPACE
}  // namespace tfscann
#include "cc/kernels/float_inl.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace tfscann {

void AddFloatKernelsAvx2(Kernels* kernels) { TFSCANN_TARGET_NAMESPACE::AddFloatKernels(kernels); }

}  // namespace tfscann
