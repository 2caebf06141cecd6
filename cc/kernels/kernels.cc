#include "cc/kernels/kernels.h"

#include "cc/kernels/targets_internal.h"

namespace tfscann {
namespace {

Kernels MakeKernels(Target target) {
  Kernels kernels{};
  switch (target) {
    case Target::kScalar:
      AddFloatKernelsScalar(&kernels);
      kernels.int8_dot_gathered = Int8DotGatheredScalar;
      kernels.int8_dot_packed = Int8DotPackedScalar;
      kernels.lut16_scan = Lut16ScanScalar;
      kernels.bound_of_scores = BoundOfScoresScalar;
      kernels.keep_scores_at_least = KeepScoresAtLeastScalar;
      kernels.shift_places = ShiftPlacesScalar;
      break;
    case Target::kAvx2:
      AddFloatKernelsAvx2(&kernels);
      kernels.int8_dot_gathered = Int8DotGatheredAvx2;
      kernels.int8_dot_packed = Int8DotPackedAvx2;
      kernels.lut16_scan = Lut16ScanAvx2;
      kernels.bound_of_scores = BoundOfScoresAvx2;
      kernels.keep_scores_at_least = KeepScoresAtLeastAvx2;
      kernels.shift_places = ShiftPlacesAvx2;
      break;
    case Target::kAvx512:
      AddFloatKernelsAvx512(&kernels);
      kernels.int8_dot_gathered = Int8DotGatheredAvx512;
      kernels.int8_dot_packed = Int8DotPackedAvx512;
      kernels.lut16_scan = Lut16ScanAvx512;
      kernels.bound_of_scores = BoundOfScoresAvx512;
      kernels.keep_scores_at_least = KeepScoresAtLeastAvx512;
      kernels.shift_places = ShiftPlacesAvx512;
      break;
  }
  return kernels;
}

}  // namespace

const Kernels& KernelsFor(Target target) {
  // A table is made by code for its target, hence only on request.
  switch (target) {
    case Target::kAvx512: {
      static const Kernels avx512 = MakeKernels(Target::kAvx512);
      return avx512;
    }
    case Target::kAvx2: {
      static const Kernels avx2 = MakeKernels(Target::kAvx2);
      return avx2;
    }
    case Target::kScalar:
      break;
  }
  static const Kernels scalar = MakeKernels(Target::kScalar);
  return scalar;
}

const Kernels& ActiveKernels() {
  static const Kernels& active = KernelsFor(ActiveTarget());
  return active;
}

}  // namespace tfscann
