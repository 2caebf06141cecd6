// Keeping the best of a stream of scored items.
#ifndef TFSCANN_SEARCH_TOP_K_H_
#define TFSCANN_SEARCH_TOP_K_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>

#include "cc/base/aligned_buffer.h"

namespace tfscann {

// A scored item as one integer: the score's order in the high half, the complement of the item's
// number in the low half. Larger is better, and of equal scores the lower number is better.
using ScoredKey = uint64_t;

// Maps floats to integers that compare alike; -0 and 0 to the same. Not for NaN.
inline uint32_t OrderedBits(float score) {
  score += 0.0f;
  uint32_t bits;
  std::memcpy(&bits, &score, sizeof(bits));
  return bits ^ (bits >> 31 != 0 ? 0xffffffffu : 0x80000000u);
}
inline float FromOrderedBits(uint32_t ordered) {
  const uint32_t bits = ordered ^ (ordered >> 31 != 0 ? 0x80000000u : 0xffffffffu);
  float score;
  std::memcpy(&score, &bits, sizeof(score));
  return score;
}

inline ScoredKey MakeKey(uint32_t score, uint32_t item) {
  return ScoredKey{score} << 32 | static_cast<uint32_t>(~item);
}
inline ScoredKey MakeKey(float score, uint32_t item) { return MakeKey(OrderedBits(score), item); }
inline uint32_t KeyScore(ScoredKey key) { return static_cast<uint32_t>(key >> 32); }
inline uint32_t KeyItem(ScoredKey key) { return ~static_cast<uint32_t>(key); }

// Room for `count` more keys behind the first `size`, which stay.
inline ScoredKey* ReserveKeys(int64_t size, int64_t count, AlignedBuffer<ScoredKey>* keys) {
  if (size + count > static_cast<int64_t>(keys->size())) {
    AlignedBuffer<ScoredKey> grown(2 * (size + count));
    std::copy(keys->data(), keys->data() + size, grown.data());
    keys->swap(grown);
  }
  return keys->data() + size;
}

// The `keep` largest of the keys given to it. Keys whose score is below threshold() can be left
// out; which ones are kept does not depend on the order in which they come.
class TopKeys {
 public:
  // Forgets everything; `keep` must be positive.
  void Reset(int64_t keep) {
    keep_ = keep;
    // Selecting more often would raise the threshold sooner, and cost more than that saves.
    prune_at_ = keep + std::max<int64_t>(2 * keep, 256);
    size_ = 0;
    threshold_ = 0;
  }

  uint32_t threshold() const { return threshold_; }
  int64_t size() const { return size_; }

  // Room for `count` more keys, to be announced with Commit.
  ScoredKey* Reserve(int64_t count) { return ReserveKeys(size_, count, &keys_); }
  void Commit(int64_t count) {
    size_ += count;
    if (size_ >= prune_at_) Prune();
  }
  void Add(ScoredKey key) {
    *Reserve(1) = key;
    Commit(1);
  }

  // Exactly the best keys, at most `keep`, in no particular order.
  Span<ScoredKey> Finish() {
    Prune();
    return {keys_.data(), static_cast<size_t>(size_)};
  }
  // The same, best first.
  Span<ScoredKey> FinishSorted() { return FinishSorted(keep_); }
  // The same, the best `count` of them first, best first.
  Span<ScoredKey> FinishSorted(int64_t count) {
    Prune();
    ScoredKey* const keys = keys_.data();
    if (count < size_) {
      std::nth_element(keys, keys + count, keys + size_, std::greater<ScoredKey>());
      std::sort(keys, keys + count, std::greater<ScoredKey>());
    } else {
      std::sort(keys, keys + size_, std::greater<ScoredKey>());
    }
    return {keys, static_cast<size_t>(size_)};
  }

 private:
  void Prune() {
    if (size_ < keep_) return;
    ScoredKey* const worst = keys_.data() + keep_ - 1;
    if (size_ > keep_) {
      std::nth_element(keys_.data(), worst, keys_.data() + size_, std::greater<ScoredKey>());
      size_ = keep_;
      threshold_ = KeyScore(*worst);
    }
  }

  AlignedBuffer<ScoredKey> keys_;
  int64_t keep_ = 1;
  int64_t prune_at_ = 1;
  int64_t size_ = 0;
  uint32_t threshold_ = 0;
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_TOP_K_H_
