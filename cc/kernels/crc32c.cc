#include "cc/kernels/crc32c.h"

#include <nmmintrin.h>

#include <array>
#include <cstring>

namespace tfscann {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // reversed bits
using Table = std::array<uint32_t, 256>;

constexpr Table MakeByteTable() {
  Table table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? kPolynomial : 0);
    table[byte] = crc;
  }
  return table;
}
constexpr Table kByteTable = MakeByteTable();

// Appends `zeros` zero bytes to the message, one table lookup for each byte of the state.
using ZerosTable = std::array<Table, 4>;
ZerosTable MakeZerosTable(size_t zeros) {
  ZerosTable tables{};
  // The operator is linear, so its value on 32 single bits gives it on every byte.
  std::array<uint32_t, 32> of_bit{};
  for (int bit = 0; bit < 32; ++bit) {
    uint32_t crc = uint32_t{1} << bit;
    for (size_t i = 0; i < zeros; ++i) crc = crc >> 8 ^ kByteTable[crc & 255];
    of_bit[bit] = crc;
  }
  for (int place = 0; place < 4; ++place) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      for (int bit = 0; bit < 8; ++bit) {
        if (byte >> bit & 1) tables[place][byte] ^= of_bit[8 * place + bit];
      }
    }
  }
  return tables;
}

// A linear map of checksums: its value on each single bit.
using BitMap = std::array<uint32_t, 32>;

uint32_t Apply(const BitMap& map, uint32_t crc) {
  uint32_t sum = 0;
  for (int bit = 0; bit < 32; ++bit) sum ^= crc >> bit & 1 ? map[bit] : 0;
  return sum;
}

uint32_t AppendZeros(const ZerosTable& tables, uint32_t crc) {
  return tables[0][crc & 255] ^ tables[1][crc >> 8 & 255] ^ tables[2][crc >> 16 & 255] ^
         tables[3][crc >> 24];
}

uint64_t LoadWord(const uint8_t* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// The instruction takes three cycles and can start every cycle: three streams side by side, joined
// by shifting the first two past the bytes that follow them.
constexpr size_t kStream = 1024;

__attribute__((target("sse4.2"))) uint32_t ExtendSse42(uint32_t crc, const uint8_t* data,
                                                       size_t size) {
  static const ZerosTable zeros = MakeZerosTable(kStream);
  uint64_t state = ~crc;
  for (; size >= 3 * kStream; size -= 3 * kStream, data += 3 * kStream) {
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < kStream; i += 8) {
      state = _mm_crc32_u64(state, LoadWord(data + i));
      second = _mm_crc32_u64(second, LoadWord(data + kStream + i));
      third = _mm_crc32_u64(third, LoadWord(data + 2 * kStream + i));
    }
    state = AppendZeros(zeros, static_cast<uint32_t>(state)) ^ second;
    state = AppendZeros(zeros, static_cast<uint32_t>(state)) ^ third;
  }
  for (; size >= 8; size -= 8, data += 8) state = _mm_crc32_u64(state, LoadWord(data));
  for (; size > 0; --size, ++data) state = _mm_crc32_u8(static_cast<uint32_t>(state), *data);
  return ~static_cast<uint32_t>(state);
}

}  // namespace

uint32_t ExtendCrc32cPortable(uint32_t crc, const void* data, size_t size) {
  const uint8_t* bytes = static_cast<const uint8_t*>(data);
  crc = ~crc;
  for (size_t i = 0; i < size; ++i) crc = crc >> 8 ^ kByteTable[(crc ^ bytes[i]) & 255];
  return ~crc;
}

uint32_t CombineCrc32c(uint32_t first, uint32_t second, uint64_t size) {
  // What a zero byte does to a checksum; then, squared again and again, what 2, 4, 8 ... of them
  // do.
  BitMap zeros;
  for (int bit = 0; bit < 32; ++bit) {
    const uint32_t crc = uint32_t{1} << bit;
    zeros[bit] = crc >> 8 ^ kByteTable[crc & 255];
  }
  for (; size > 0; size >>= 1) {
    if (size & 1) first = Apply(zeros, first);
    BitMap twice;
    for (int bit = 0; bit < 32; ++bit) twice[bit] = Apply(zeros, zeros[bit]);
    zeros = twice;
  }
  return first ^ second;
}

uint32_t ExtendCrc32c(uint32_t crc, const void* data, size_t size) {
  static const bool has_sse42 = (__builtin_cpu_init(), __builtin_cpu_supports("sse4.2"));
  return has_sse42 ? ExtendSse42(crc, static_cast<const uint8_t*>(data), size)
                   : ExtendCrc32cPortable(crc, data, size);
}

}  // namespace tfscann
