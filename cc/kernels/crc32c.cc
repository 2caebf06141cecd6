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

// Checksums are polynomials modulo kPolynomial; x^0 is the highest bit. To append a zero byte is to
// multiply by x^8.
constexpr uint32_t kOne = uint32_t{1} << 31;

constexpr uint32_t Multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = kOne; bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = b >> 1 ^ (b & 1 ? kPolynomial : 0);
  }
  return product;
}

// x^(8 bytes), by which `bytes` zero bytes multiply.
constexpr uint32_t Zeros(uint64_t bytes) {
  uint32_t power = kOne;
  uint32_t square = kOne >> 8;
  for (; bytes > 0; bytes >>= 1) {
    if (bytes & 1) power = Multiply(power, square);
    square = Multiply(square, square);
  }
  return power;
}

// Appends a number of zero bytes, by one table lookup for each byte of the checksum.
class ZerosTable {
 public:
  explicit ZerosTable(uint64_t bytes) {
    const uint32_t factor = Zeros(bytes);
    for (int place = 0; place < 4; ++place) {
      for (uint32_t byte = 0; byte < 256; ++byte) {
        tables_[place][byte] = Multiply(byte << 8 * place, factor);
      }
    }
  }
  uint32_t Append(uint64_t crc) const {
    return tables_[0][crc & 255] ^ tables_[1][crc >> 8 & 255] ^ tables_[2][crc >> 16 & 255] ^
           tables_[3][crc >> 24 & 255];
  }

 private:
  std::array<Table, 4> tables_;
};

uint64_t LoadWord(const uint8_t* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// The instruction takes three cycles and can start every cycle: three streams side by side, joined
// by shifting the first two past the bytes that follow them. Streams so short that what they read
// is one stream for the CPU's prefetching.
constexpr size_t kStream = 128;

__attribute__((target("sse4.2"))) uint32_t ExtendSse42(uint32_t crc, const uint8_t* data,
                                                       size_t size) {
  static const ZerosTable one_stream(kStream), two_streams(2 * kStream);
  uint64_t state = ~crc;
  for (; size >= 3 * kStream; size -= 3 * kStream, data += 3 * kStream) {
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < kStream; i += 8) {
      state = _mm_crc32_u64(state, LoadWord(data + i));
      second = _mm_crc32_u64(second, LoadWord(data + kStream + i));
      third = _mm_crc32_u64(third, LoadWord(data + 2 * kStream + i));
    }
    state = two_streams.Append(state) ^ one_stream.Append(second) ^ third;
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
  return Multiply(first, Zeros(size)) ^ second;
}

uint32_t ExtendCrc32c(uint32_t crc, const void* data, size_t size) {
  static const bool has_sse42 = (__builtin_cpu_init(), __builtin_cpu_supports("sse4.2"));
  return has_sse42 ? ExtendSse42(crc, static_cast<const uint8_t*>(data), size)
                   : ExtendCrc32cPortable(crc, data, size);
}

}  // namespace tfscann
