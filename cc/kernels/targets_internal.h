// What each <kernel>_<target>.cc defines and kernels.cc collects.
#ifndef TFSCANN_KERNELS_TARGETS_INTERNAL_H_
#define TFSCANN_KERNELS_TARGETS_INTERNAL_H_

#include "cc/kernels/kernels.h"

namespace tfscann {

// Fills in the float kernels.
void AddFloatKernelsScalar(Kernels* kernels);
void AddFloatKernelsAvx2(Kernels* kernels);
void AddFloatKernelsAvx512(Kernels* kernels);

void Int8DotRowsScalar(const int8_t* query, const int8_t* rows, int64_t row_stride,
                       int64_t num_rows, int64_t dims, int32_t* out);
void Int8DotRowsAvx2(const int8_t* query, const int8_t* rows, int64_t row_stride, int64_t num_rows,
                     int64_t dims, int32_t* out);
void Int8DotRowsAvx512(const int8_t* query, const int8_t* rows, int64_t row_stride,
                       int64_t num_rows, int64_t dims, int32_t* out);

int64_t Lut16ScanScalar(const Lut16Scan& scan, uint64_t* out);
int64_t Lut16ScanAvx2(const Lut16Scan& scan, uint64_t* out);
int64_t Lut16ScanAvx512(const Lut16Scan& scan, uint64_t* out);

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_TARGETS_INTERNAL_H_
