#include "cc/kernels/crc32c.h"

#include <numeric>
#include <string>
#include <vector>

#include "cc/base/random.h"
#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

// RFC 3720, appendix B.4, and the check value of the CRC catalogue.
TEST(Crc32cTest, MatchesPublishedValues) {
  std::vector<uint8_t> ascending(32);
  std::iota(ascending.begin(), ascending.end(), 0);
  const std::vector<uint8_t> descending(ascending.rbegin(), ascending.rend());
  const std::vector<uint8_t> zeros(32, 0), ones(32, 0xff);
  const std::string check = "123456789";
  for (const auto crc : {ExtendCrc32c, ExtendCrc32cPortable}) {
    EXPECT_EQ(crc(0, nullptr, 0), 0u);
    EXPECT_EQ(crc(0, check.data(), check.size()), 0xe3069283u);
    EXPECT_EQ(crc(0, zeros.data(), 32), 0x8a9136aau);
    EXPECT_EQ(crc(0, ones.data(), 32), 0x62a8ab43u);
    EXPECT_EQ(crc(0, ascending.data(), 32), 0x46dd794eu);
    EXPECT_EQ(crc(0, descending.data(), 32), 0x113fdb5cu);
  }
}

std::vector<uint8_t> RandomBytes(size_t size) {
  Random random(1, 0, 0);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next());
  return bytes;
}

// The fast version goes in steps of 8 bytes and of three streams of 128.
TEST(Crc32cTest, PortableAndFastAgreeAtEveryLengthAndAlignment) {
  const std::vector<uint8_t> bytes = RandomBytes(13000);
  for (const size_t begin : {0, 1, 3, 7}) {
    for (const size_t around : {0, 128, 384, 768, 1152, 3072, 12288}) {
      for (size_t size = around > 20 ? around - 20 : 0; size < around + 40; ++size) {
        ASSERT_EQ(ExtendCrc32c(0, &bytes[begin], size),
                  ExtendCrc32cPortable(0, &bytes[begin], size))
            << size << " bytes from " << begin;
      }
    }
  }
}

TEST(Crc32cTest, PartsGiveTheChecksumOfTheWhole) {
  const std::vector<uint8_t> bytes = RandomBytes(10000);
  const uint32_t whole = ExtendCrc32cPortable(0, bytes.data(), bytes.size());
  for (size_t first = 0; first <= bytes.size(); first += 97) {
    for (const auto crc : {ExtendCrc32c, ExtendCrc32cPortable}) {
      const uint32_t start = crc(0, bytes.data(), first);
      ASSERT_EQ(crc(start, bytes.data() + first, bytes.size() - first), whole) << first;
      const uint32_t second = crc(0, bytes.data() + first, bytes.size() - first);
      ASSERT_EQ(CombineCrc32c(start, second, bytes.size() - first), whole) << first;
    }
  }
}

}  // namespace
}  // namespace tfscann::testing
