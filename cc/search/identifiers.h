// What the caller calls the candidates. A view of memory that the index owns.
#ifndef TFSCANN_SEARCH_IDENTIFIERS_H_
#define TFSCANN_SEARCH_IDENTIFIERS_H_

#include <cstdint>
#include <cstring>
#include <string_view>

#include "cc/base/matrix_view.h"
#include "cc/base/random.h"

namespace tfscann {

enum class IdentifierType : uint32_t {
  kRowNumber = 0,  // none were given: int32 row numbers
  kInt32 = 1,
  kInt64 = 2,
  kFloat32 = 3,
  kFloat64 = 4,
  kString = 5,
};

// Bytes of an identifier; 0 for those that have no array of fixed-size values.
constexpr int64_t IdentifierBytes(IdentifierType type) {
  switch (type) {
    case IdentifierType::kInt32:
    case IdentifierType::kFloat32:
      return 4;
    case IdentifierType::kInt64:
    case IdentifierType::kFloat64:
      return 8;
    case IdentifierType::kRowNumber:
    case IdentifierType::kString:
      return 0;
  }
  return 0;
}

// Slots of the table that finds rows by identifier: two thirds full.
constexpr int64_t NumIdentifierSlots(int64_t num_candidates) {
  return num_candidates + num_candidates / 2 + 1;
}
inline constexpr int32_t kFreeIdentifierSlot = -1;

// The hash of an identifier's bytes: FNV-1a, then mixed. Part of the file format.
inline uint64_t HashIdentifier(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3ull;
  return MixBits(hash);
}
inline int64_t FirstIdentifierSlot(std::string_view bytes, int64_t num_slots) {
  return static_cast<int64_t>((static_cast<unsigned __int128>(HashIdentifier(bytes)) * num_slots) >>
                              64);
}

class Identifiers {
 public:
  Identifiers() = default;  // row numbers
  Identifiers(IdentifierType type, Span<const char> values, Span<const uint64_t> offsets,
              Span<const int32_t> slots)
      : type_(type), values_(values), offsets_(offsets), slots_(slots) {}

  IdentifierType type() const { return type_; }

  // The bytes of row's identifier; not for kRowNumber.
  std::string_view Bytes(int64_t row) const {
    if (type_ == IdentifierType::kString) {
      return {values_.data() + offsets_[row],
              static_cast<size_t>(offsets_[row + 1] - offsets_[row])};
    }
    const int64_t size = IdentifierBytes(type_);
    return {values_.data() + row * size, static_cast<size_t>(size)};
  }
  template <typename T>
  T Value(int64_t row) const {
    T value;
    std::memcpy(&value, values_.data() + row * sizeof(T), sizeof(T));
    return value;
  }

  // Calls `visit(row)` for each row whose identifier has these bytes (two may be called alike).
  // Not for kRowNumber.
  template <typename Visit>
  void FindRows(std::string_view bytes, const Visit& visit) const {
    const int64_t num_slots = static_cast<int64_t>(slots_.size());
    int64_t slot = FirstIdentifierSlot(bytes, num_slots);
    for (int64_t probes = 0; probes < num_slots; ++probes) {
      const int32_t row = slots_[slot];
      if (row == kFreeIdentifierSlot) return;
      if (Bytes(row) == bytes) visit(row);
      if (++slot == num_slots) slot = 0;
    }
  }

 private:
  IdentifierType type_ = IdentifierType::kRowNumber;
  Span<const char> values_;
  Span<const uint64_t> offsets_;  // strings: values_[offsets_[row], offsets_[row + 1])
  Span<const int32_t> slots_;     // open addressing, linear probing
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_IDENTIFIERS_H_
