// CRC-32C (Castagnoli), the checksum of index files.
#ifndef TFSCANN_KERNELS_CRC32C_H_
#define TFSCANN_KERNELS_CRC32C_H_

#include <cstddef>
#include <cstdint>

namespace tfscann {

// The checksum of what `crc` is the checksum of, followed by data[0, size). Start with crc = 0.
uint32_t ExtendCrc32c(uint32_t crc, const void* data, size_t size);

// The same, without SSE 4.2's instruction; for CPUs that lack it, and for tests.
uint32_t ExtendCrc32cPortable(uint32_t crc, const void* data, size_t size);

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_CRC32C_H_
