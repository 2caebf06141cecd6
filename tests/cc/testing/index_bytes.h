// Reading and damaging the bytes of a section file, with the layout of cc/io/section_file.h written
// out a second time.
#ifndef TFSCANN_TESTS_TESTING_INDEX_BYTES_H_
#define TFSCANN_TESTS_TESTING_INDEX_BYTES_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "cc/kernels/crc32c.h"
#include "gtest/gtest.h"

namespace tfscann::testing {

inline constexpr size_t kVersionAt = 8;
inline constexpr size_t kHeaderCrcAt = 12;
inline constexpr size_t kFileSizeAt = 16;
inline constexpr size_t kNumSectionsAt = 24;
inline constexpr size_t kHeaderReservedAt = 28;
inline constexpr size_t kTableAt = 32;
inline constexpr size_t kTableEntryBytes = 40;
inline constexpr size_t kHeaderSize = 1024;

template <typename T>
T Get(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}
template <typename T>
void Set(std::string* bytes, size_t at, T value) {
  std::memcpy(bytes->data() + at, &value, sizeof(value));
}

struct SectionPlace {
  std::string name;
  size_t entry;  // of the table, in the file
  uint64_t offset;
  uint64_t length;
};

inline std::vector<SectionPlace> SectionPlaces(const std::string& bytes) {
  std::vector<SectionPlace> places;
  for (uint32_t i = 0; i < Get<uint32_t>(bytes, kNumSectionsAt); ++i) {
    const size_t entry = kTableAt + i * kTableEntryBytes;
    places.push_back({bytes.data() + entry, entry, Get<uint64_t>(bytes, entry + 16),
                      Get<uint64_t>(bytes, entry + 24)});
  }
  return places;
}

inline SectionPlace PlaceOf(const std::string& bytes, const std::string& name) {
  for (const SectionPlace& place : SectionPlaces(bytes)) {
    if (place.name == name) return place;
  }
  ADD_FAILURE() << "no section " << name;
  return {};
}

inline void FixHeaderChecksum(std::string* bytes) {
  if (bytes->size() < kHeaderSize) return;
  Set<uint32_t>(bytes, kHeaderCrcAt, 0);
  Set<uint32_t>(bytes, kHeaderCrcAt, ExtendCrc32c(0, bytes->data(), kHeaderSize));
}

// Makes every checksum right, so that only validation stands between damage and a search. Sections
// that lie outside the file are left as they are.
inline void FixChecksums(std::string* bytes) {
  const uint32_t count = Get<uint32_t>(*bytes, kNumSectionsAt);
  for (uint32_t i = 0; i < count && kTableAt + (i + 1) * kTableEntryBytes <= kHeaderSize; ++i) {
    const size_t entry = kTableAt + i * kTableEntryBytes;
    const uint64_t offset = Get<uint64_t>(*bytes, entry + 16);
    const uint64_t length = Get<uint64_t>(*bytes, entry + 24);
    if (offset > bytes->size() || length > bytes->size() - offset) continue;
    Set<uint32_t>(bytes, entry + 32, ExtendCrc32c(0, bytes->data() + offset, length));
  }
  FixHeaderChecksum(bytes);
}

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_TESTING_INDEX_BYTES_H_
