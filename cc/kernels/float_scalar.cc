// The float kernels for Target::kScalar.
#include <cstdint>

#include "cc/kernels/targets_internal.h"

#define TFSCANN_TARGET_NAMESPACE scalar_target
namespace tfscann {
namespace TFSCANN_TARGET_NAMESPACE {
constexpr int kWidth = 4;  // floats in a register
// Rows of a MultiplyTile: their sums and one column fit in the registers.
constexpr int kMultiplyRows = 4;

// What vector types cannot say, for float_inl.h.
template <typename Int>
static inline uint32_t SignMask(Int lanes) {
  uint32_t mask = 0;
  for (int i = 0; i < 4; ++i) mask |= (static_cast<uint32_t>(lanes[i]) >> 31) << i;
  return mask;
}
template <typename Int>
static inline void StoreAsBytes(uint8_t* to, const Int* lanes) {
  for (int i = 0; i < 16; ++i) to[i] = static_cast<uint8_t>(lanes[i / 4][i % 4]);
}
// Writes first + i for each bit i of a mask of 16, in order; returns how many.
static inline int64_t WriteIndices(uint32_t mask, int32_t first, int32_t* out) {
  int64_t count = 0;
  for (; mask != 0; mask &= mask - 1) out[count++] = first + __builtin_ctz(mask);
  return count;
}
}  // namespace TFSCANN_TARGET_NAMESPACE
}  // namespace tfscann
#include "cc/kernels/float_inl.h"

namespace tfscann {

void AddFloatKernelsScalar(Kernels* kernels) { TFSCANN_TARGET_NAMESPACE::AddFloatKernels(kernels); }

}  // namespace tfscann
