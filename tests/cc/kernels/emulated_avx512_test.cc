// The AVX-512 kernels' own source, compiled against SIMDe's portable intrinsics: what they compute
// is tested on CPUs that cannot run them.
#include "tests/cc/kernels/int8_cases.h"
#include "tests/cc/kernels/lut16_cases.h"
#include "tests/cc/kernels/scores_cases.h"

namespace tfscann {

// The names that //cc/kernels:emulated_avx512 gives them.
void Int8DotGatheredEmulatedAvx512(const int8_t* query, const int8_t* matrix, int64_t row_stride,
                                   const int32_t* rows, int64_t num_rows, int64_t dims,
                                   int32_t* out);
void Int8DotPackedEmulatedAvx512(const int8_t* query, const int8_t* packed, const int32_t* groups,
                                 int64_t num_groups, int64_t dims, int32_t* out);
uint16_t BoundOfScoresEmulatedAvx512(const uint16_t* scores, int64_t count, int64_t rank,
                                     int64_t most, uint16_t lowest);
int64_t KeepScoresAtLeastEmulatedAvx512(uint16_t* scores, uint32_t* positions, int64_t count,
                                        uint16_t threshold);
void ShiftPlacesEmulatedAvx512(const uint16_t* places, int64_t count, const uint32_t* shifts,
                               uint32_t* positions);
void Lut16ScanEmulatedAvx512(const Lut16Scan& scan, Lut16Query* queries, int64_t num_queries);

namespace testing {
namespace {

TEST(EmulatedAvx512Test, Int8DotGathered) { CheckInt8DotGathered(Int8DotGatheredEmulatedAvx512); }

TEST(EmulatedAvx512Test, Int8DotPacked) { CheckInt8DotPacked(Int8DotPackedEmulatedAvx512); }

TEST(EmulatedAvx512Test, Lut16Scan) { CheckLut16Scan(Lut16ScanEmulatedAvx512); }

TEST(EmulatedAvx512Test, Lut16Extremes) { CheckLut16Extremes(Lut16ScanEmulatedAvx512); }

TEST(EmulatedAvx512Test, Lut16Tables) { CheckLut16Tables(Lut16ScanEmulatedAvx512); }

TEST(EmulatedAvx512Test, Lut16Places) { CheckLut16Places(Lut16ScanEmulatedAvx512); }

TEST(EmulatedAvx512Test, Lut16Groups) { CheckLut16Groups(Lut16ScanEmulatedAvx512); }

TEST(EmulatedAvx512Test, BoundOfScores) { CheckBoundOfScores(BoundOfScoresEmulatedAvx512); }

TEST(EmulatedAvx512Test, KeepScoresAtLeast) {
  CheckKeepScoresAtLeast(KeepScoresAtLeastEmulatedAvx512);
}

TEST(EmulatedAvx512Test, ShiftPlaces) { CheckShiftPlaces(ShiftPlacesEmulatedAvx512); }

}  // namespace
}  // namespace testing
}  // namespace tfscann
