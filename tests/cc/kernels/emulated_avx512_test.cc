// The AVX-512 kernels' own source, compiled against SIMDe's portable intrinsics: what they compute
// is tested on CPUs that cannot run them.
#include "tests/cc/kernels/int8_cases.h"
#include "tests/cc/kernels/lut16_cases.h"

namespace tfscann {

// The names that //cc/kernels:emulated_avx512 gives them.
void Int8DotRowsEmulatedAvx512(const int8_t* query, const int8_t* rows, int64_t row_stride,
                               int64_t num_rows, int64_t dims, int32_t* out);
int64_t Lut16ScanEmulatedAvx512(const Lut16Scan& scan, uint64_t* out);

namespace testing {
namespace {

TEST(EmulatedAvx512Test, Int8DotRows) { CheckInt8DotRows(Int8DotRowsEmulatedAvx512); }

TEST(EmulatedAvx512Test, Lut16Scan) { CheckLut16Scan(Lut16ScanEmulatedAvx512); }

TEST(EmulatedAvx512Test, Lut16Extremes) { CheckLut16Extremes(Lut16ScanEmulatedAvx512); }

TEST(EmulatedAvx512Test, Lut16KeysAndPositions) {
  CheckLut16KeysAndPositions(Lut16ScanEmulatedAvx512);
}

}  // namespace
}  // namespace testing
}  // namespace tfscann
