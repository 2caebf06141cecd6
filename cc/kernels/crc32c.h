// CRC-32C (Castagnoli), the checksum of index files.
#ifndef TFSCANN_KERNELS_CRC32C_H_
#define TFSCANN_KERNELS_CRC32C_H_

#include <cstddef>
#include <cstdint>

namespace tfscann {

// The checksum of what `crc` is the checksum of, followed by data[0, size). Start with crc = 0.
uint32_t ExtendCrc32c(uint32_t crc, const void* data, size_t size);

// The checksum of a message whose first part has checksum `first` and whose second part, of `size`
// bytes, has checksum `second`.
uint32_t CombineCrc32c(uint32_t first, uint32_t second, uint64_t size);

// The same as ExtendCrc32c, without SSE 4.2's instruction; for CPUs that lack it, and for tests.
uint32_t ExtendCrc32cPortable(uint32_t crc, const void* data, size_t size);

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_CRC32C_H_
