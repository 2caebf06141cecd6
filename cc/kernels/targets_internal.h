// What each <kernel>_<target>.cc defines and kernels.cc collects.
#ifndef TFSCANN_KERNELS_TARGETS_INTERNAL_H_
#define TFSCANN_KERNELS_TARGETS_INTERNAL_H_

#include "cc/kernels/kernels.h"

namespace tfscann {

// Fills in the float kernels.
void AddFloatKernelsScalar(Kernels* kernels);
void AddFloatKernelsAvx2(Kernels* kernels);
void AddFloatKernelsAvx512(Kernels* kernels);

void Int8DotGatheredScalar(const int8_t* query, const int8_t* matrix, int64_t row_stride,
                           const int32_t* rows, int64_t num_rows, int64_t dims, int32_t* out);
void Int8DotPackedScalar(const int8_t* query, const int8_t* packed, const int32_t* groups,
                         int64_t num_groups, int64_t dims, int32_t* out);
void Int8DotGatheredAvx2(const int8_t* query, const int8_t* matrix, int64_t row_stride,
                         const int32_t* rows, int64_t num_rows, int64_t dims, int32_t* out);
void Int8DotPackedAvx2(const int8_t* query, const int8_t* packed, const int32_t* groups,
                       int64_t num_groups, int64_t dims, int32_t* out);
void Int8DotGatheredAvx512(const int8_t* query, const int8_t* matrix, int64_t row_stride,
                           const int32_t* rows, int64_t num_rows, int64_t dims, int32_t* out);
void Int8DotPackedAvx512(const int8_t* query, const int8_t* packed, const int32_t* groups,
                         int64_t num_groups, int64_t dims, int32_t* out);

uint16_t BoundOfScoresScalar(const uint16_t* scores, int64_t count, int64_t rank, int64_t most,
                             uint16_t lowest);
uint16_t BoundOfScoresAvx2(const uint16_t* scores, int64_t count, int64_t rank, int64_t most,
                           uint16_t lowest);
uint16_t BoundOfScoresAvx512(const uint16_t* scores, int64_t count, int64_t rank, int64_t most,
                             uint16_t lowest);
int64_t KeepScoresAtLeastScalar(uint16_t* scores, uint32_t* positions, int64_t count,
                                uint16_t threshold);
int64_t KeepScoresAtLeastAvx2(uint16_t* scores, uint32_t* positions, int64_t count,
                              uint16_t threshold);
int64_t KeepScoresAtLeastAvx512(uint16_t* scores, uint32_t* positions, int64_t count,
                                uint16_t threshold);
void ShiftPlacesScalar(const uint16_t* places, int64_t count, const uint32_t* shifts,
                       uint32_t* positions);
void ShiftPlacesAvx2(const uint16_t* places, int64_t count, const uint32_t* shifts,
                     uint32_t* positions);
void ShiftPlacesAvx512(const uint16_t* places, int64_t count, const uint32_t* shifts,
                       uint32_t* positions);

void Lut16ScanScalar(const Lut16Scan& scan, Lut16Query* queries, int64_t num_queries);
void Lut16ScanAvx2(const Lut16Scan& scan, Lut16Query* queries, int64_t num_queries);
void Lut16ScanAvx512(const Lut16Scan& scan, Lut16Query* queries, int64_t num_queries);

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_TARGETS_INTERNAL_H_
