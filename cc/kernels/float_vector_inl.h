// Sixteen floats at a time: the vocabulary of the float kernels.
// Part of float_inl.h, which says what may stand here.

namespace tfscann {
namespace TFSCANN_TARGET_NAMESPACE {

#define TFSCANN_INLINE static inline __attribute__((always_inline))
#define TFSCANN_UNROLL _Pragma("GCC unroll 16")

// One register, of kWidth floats.
typedef float Float __attribute__((vector_size(kWidth * 4)));
typedef int32_t Int __attribute__((vector_size(kWidth * 4)));
// The same in memory, without an alignment requirement.
typedef float FloatInMemory __attribute__((vector_size(kWidth * 4), aligned(4)));

// Sixteen lanes whatever the register width: a dot product adds up in the same order on AVX2 and
// AVX-512.
constexpr int kRegisters = 16 / kWidth;
struct F32x16 {
  Float part[kRegisters];
};
struct I32x16 {
  Int part[kRegisters];
};

TFSCANN_INLINE F32x16 Load(const float* from) {
  F32x16 v;
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
    v.part[i] = *reinterpret_cast<const FloatInMemory*>(from + i * kWidth);
  }
  return v;
}
TFSCANN_INLINE void Store(float* to, F32x16 v) {
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
    *reinterpret_cast<FloatInMemory*>(to + i * kWidth) = v.part[i];
  }
}
TFSCANN_INLINE F32x16 Broadcast(float x) {
  F32x16 v;
  // x - 0 is x for every x; the compiler would have to compute 0 + x.
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) v.part[i] = x - Float{};
  return v;
}

#define TFSCANN_LANEWISE(name, expression)                \
  TFSCANN_INLINE F32x16 name(F32x16 x, F32x16 y) {        \
    F32x16 v;                                             \
    TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) { \
      const Float a = x.part[i], b = y.part[i];           \
      v.part[i] = expression;                             \
    }                                                     \
    return v;                                             \
  }
TFSCANN_LANEWISE(operator+, a + b)
TFSCANN_LANEWISE(operator-, a - b)
TFSCANN_LANEWISE(operator*, a* b)
TFSCANN_LANEWISE(Max, a > b ? a : b)
TFSCANN_LANEWISE(Min, a < b ? a : b)  // b if either is NaN
#undef TFSCANN_LANEWISE

// sum + a * b, fused where the target can.
TFSCANN_INLINE F32x16 MultiplyAdd(F32x16 sum, F32x16 a, F32x16 b) {
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) sum.part[i] += a.part[i] * b.part[i];
  return sum;
}

// The lanes of x that are set in mask[0, 16), zero in the others.
TFSCANN_INLINE F32x16 Masked(F32x16 x, const int32_t* mask) {
  typedef int32_t IntInMemory __attribute__((vector_size(kWidth * 4), aligned(4)));
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
    const Int lanes = *reinterpret_cast<const IntInMemory*>(mask + i * kWidth);
    x.part[i] = (Float)((Int)x.part[i] & lanes);
  }
  return x;
}

// Sixteen lanes that are set, and as many on either side that are not.
alignas(64) static constexpr int32_t kLanes[48] = {
    0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,   //
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,  //
    0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0};
// The first, or the last, `count` lanes of x, zero in the others.
TFSCANN_INLINE F32x16 FirstLanes(F32x16 x, int64_t count) { return Masked(x, kLanes + 32 - count); }
TFSCANN_INLINE F32x16 LastLanes(F32x16 x, int64_t count) { return Masked(x, kLanes + count); }

TFSCANN_INLINE float Sum(F32x16 v) {
  float lanes[16];
  Store(lanes, v);
  TFSCANN_UNROLL for (int i = 0; i < 8; ++i) lanes[i] += lanes[i + 8];
  TFSCANN_UNROLL for (int i = 0; i < 4; ++i) lanes[i] += lanes[i + 4];
  return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

}  // namespace TFSCANN_TARGET_NAMESPACE
}  // namespace tfscann
