// Which instruction sets the kernels may use. One binary runs on every x86-64: kernels for richer
// instruction sets are compiled with target attributes and chosen here, at run time.
#ifndef TFSCANN_KERNELS_TARGET_H_
#define TFSCANN_KERNELS_TARGET_H_

#include <vector>

namespace tfscann {

enum class Target {
  kScalar,  // baseline x86-64
  kAvx2,    // AVX2, FMA, BMI, POPCNT
  kAvx512,  // AVX-512 F, BW, DQ, VL, VBMI, VBMI2, VNNI
};

const char* TargetName(Target target);

// The targets that this CPU can run, poorest first; never empty.
std::vector<Target> SupportedTargets();

// The best supported target, capped by the environment variable TFSCANN_CPU_TARGET (scalar, avx2
// or avx512) if that is set to one of these names. Read once per process.
Target ActiveTarget();

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_TARGET_H_
