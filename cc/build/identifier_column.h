// Collecting identifiers and making the table that finds rows by them.
#ifndef TFSCANN_BUILD_IDENTIFIER_COLUMN_H_
#define TFSCANN_BUILD_IDENTIFIER_COLUMN_H_

#include <string_view>
#include <unordered_map>
#include <vector>

#include "cc/search/identifiers.h"

namespace tfscann {

class IdentifierColumn {
 public:
  IdentifierColumn() = default;  // row numbers
  explicit IdentifierColumn(IdentifierType type) : type_(type) {
    if (type == IdentifierType::kString) offsets_.push_back(0);
  }

  IdentifierType type() const { return type_; }
  // Rows that have got an identifier.
  int64_t size() const {
    if (type_ == IdentifierType::kString) return static_cast<int64_t>(offsets_.size()) - 1;
    const int64_t width = IdentifierBytes(type_);
    return width == 0 ? 0 : static_cast<int64_t>(values_.size()) / width;
  }

  // The bytes of one string, or of any number of values of a fixed size.
  void Append(std::string_view bytes) {
    values_.insert(values_.end(), bytes.begin(), bytes.end());
    if (type_ == IdentifierType::kString) offsets_.push_back(values_.size());
  }

  Span<const char> values() const { return values_; }
  Span<const uint64_t> offsets() const { return offsets_; }

  // Fills the table (NumIdentifierSlots(size()) slots); returns how many rows have an identifier
  // that a row before them has.
  int64_t FillSlots(Span<int32_t> slots) const {
    const Identifiers identifiers(type_, values_, offsets_, {});
    for (int32_t& slot : slots) slot = kFreeIdentifierSlot;
    const int64_t num_slots = static_cast<int64_t>(slots.size());
    int64_t duplicates = 0;
    // Where to look for a free slot for one more row with an identifier that several have.
    std::unordered_map<std::string_view, int64_t> next_slots;
    for (int64_t row = 0; row < size(); ++row) {
      const std::string_view bytes = identifiers.Bytes(row);
      int64_t slot = FirstIdentifierSlot(bytes, num_slots);
      bool seen = false;
      while (slots[slot] != kFreeIdentifierSlot) {
        if (!seen && identifiers.Bytes(slots[slot]) == bytes) {
          seen = true;
          slot = next_slots.try_emplace(bytes, slot).first->second;
        }
        if (++slot == num_slots) slot = 0;
      }
      slots[slot] = static_cast<int32_t>(row);
      if (seen) next_slots[bytes] = slot;
      duplicates += seen;
    }
    return duplicates;
  }

 private:
  IdentifierType type_ = IdentifierType::kRowNumber;
  std::vector<char> values_;
  std::vector<uint64_t> offsets_;
};

}  // namespace tfscann

#endif  // TFSCANN_BUILD_IDENTIFIER_COLUMN_H_
