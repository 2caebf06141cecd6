// A small set of row numbers: the rows that a query excludes.
#ifndef TFSCANN_SEARCH_ROW_SET_H_
#define TFSCANN_SEARCH_ROW_SET_H_

#include <algorithm>
#include <cstdint>

#include "cc/base/aligned_buffer.h"
#include "cc/base/random.h"

namespace tfscann {

class RowSet {
 public:
  // Forgets everything and makes room for `count` insertions.
  void Reset(int64_t count) {
    int64_t slots = 16;
    while (slots < 2 * count) slots *= 2;
    slots_.Resize(slots);
    std::fill(slots_.data(), slots_.data() + slots, kFree);
    mask_ = static_cast<uint32_t>(slots - 1);
    size_ = 0;
  }

  bool empty() const { return size_ == 0; }
  int64_t size() const { return size_; }

  // Returns false if the row was there already.
  bool Insert(int32_t row) {
    const uint32_t slot = Find(row);
    if (slots_[slot] == row) return false;
    slots_[slot] = row;
    ++size_;
    return true;
  }
  bool Contains(int32_t row) const { return size_ > 0 && slots_[Find(row)] == row; }

 private:
  static constexpr int32_t kFree = -1;

  uint32_t Find(int32_t row) const {
    uint32_t slot = static_cast<uint32_t>(MixBits(static_cast<uint32_t>(row))) & mask_;
    while (slots_[slot] != kFree && slots_[slot] != row) slot = (slot + 1) & mask_;
    return slot;
  }

  AlignedBuffer<int32_t> slots_;
  uint32_t mask_ = 0;
  int64_t size_ = 0;
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_ROW_SET_H_
