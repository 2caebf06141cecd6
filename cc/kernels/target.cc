#include "cc/kernels/target.h"

#include <cstdlib>
#include <cstring>

namespace tfscann {
namespace {

bool CpuHas(Target target) {
  __builtin_cpu_init();
  switch (target) {
    case Target::kScalar:
      return true;
    case Target::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
    case Target::kAvx512:
      return CpuHas(Target::kAvx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
             __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vnni");
  }
  return false;
}

Target ChooseTarget() {
  const char* cap = std::getenv("TFSCANN_CPU_TARGET");
  Target chosen = Target::kScalar;
  for (Target target : SupportedTargets()) {
    chosen = target;
    if (cap != nullptr && std::strcmp(cap, TargetName(target)) == 0) break;
  }
  return chosen;
}

}  // namespace

const char* TargetName(Target target) {
  switch (target) {
    case Target::kScalar:
      return "scalar";
    case Target::kAvx2:
      return "avx2";
    case Target::kAvx512:
      return "avx512";
  }
  return "unknown";
}

std::vector<Target> SupportedTargets() {
  std::vector<Target> supported;
  for (Target target : {Target::kScalar, Target::kAvx2, Target::kAvx512}) {
    if (CpuHas(target)) supported.push_back(target);
  }
  return supported;
}

Target ActiveTarget() {
  static const Target active = ChooseTarget();
  return active;
}

}  // namespace tfscann
