// Keeping the best of the scored codes of a query.
#ifndef TFSCANN_SEARCH_TOP_CODES_H_
#define TFSCANN_SEARCH_TOP_CODES_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>

#include "cc/base/aligned_buffer.h"
#include "cc/search/top_k.h"

namespace tfscann {

// The `keep` largest of the keys given to it, as TopKeys. Scores being integers in a known range, a
// histogram of them gives the threshold after every commit, at the cost of an addition a key.
class TopCodes {
 public:
  // Forgets everything. `keep` must be positive; scores will be in [lowest, highest].
  void Reset(int64_t keep, uint32_t lowest, uint32_t highest) {
    keep_ = keep;
    // Seldom reached: it bounds the memory.
    prune_at_ = keep + std::max<int64_t>(3 * keep, 2048);
    lowest_ = lowest;
    shift_ = 0;
    while ((highest - lowest) >> shift_ >= kBins) ++shift_;
    std::memset(counts_.Resize(kBins), 0, kBins * sizeof(counts_[0]));
    lowest_bin_ = 0;
    counted_ = 0;
    size_ = 0;
  }

  // Keys whose score is below can be left out.
  uint32_t threshold() const { return lowest_ + (lowest_bin_ << shift_); }

  // Room for `count` more keys, to be announced with Commit.
  ScoredKey* Reserve(int64_t count) { return ReserveKeys(size_, count, &keys_); }
  void Commit(int64_t count) {
    const ScoredKey* const keys = keys_.data() + size_;
    for (int64_t i = 0; i < count; ++i) ++counts_[Bin(keys[i])];
    size_ += count;
    counted_ += count;
    while (counted_ - counts_[lowest_bin_] >= keep_) counted_ -= counts_[lowest_bin_++];
    if (size_ >= prune_at_) Prune();
  }

  // Exactly the best keys, at most `keep`, in no particular order.
  Span<ScoredKey> Finish() {
    Prune();
    return {keys_.data(), static_cast<size_t>(size_)};
  }

 private:
  static constexpr uint32_t kBins = 1024;

  uint32_t Bin(ScoredKey key) const { return (KeyScore(key) - lowest_) >> shift_; }

  // Keeps all keys of the bins above the lowest that is counted, and the best of that one.
  void Prune() {
    ScoredKey* const keys = keys_.data();
    ScoredKey* const undecided = undecided_.Resize(size_);
    int64_t num_kept = 0, num_undecided = 0;
    for (int64_t i = 0; i < size_; ++i) {
      const ScoredKey key = keys[i];
      const uint32_t bin = Bin(key);
      keys[num_kept] = key;
      num_kept += bin > lowest_bin_;
      undecided[num_undecided] = key;
      num_undecided += bin == lowest_bin_;
    }
    const int64_t chosen = std::min(num_undecided, keep_ - num_kept);
    if (chosen < num_undecided) {
      std::nth_element(undecided, undecided + chosen, undecided + num_undecided,
                       std::greater<ScoredKey>());
    }
    std::copy(undecided, undecided + chosen, keys + num_kept);
    size_ = num_kept + chosen;
    counts_[lowest_bin_] = static_cast<uint32_t>(chosen);
    counted_ = size_;
  }

  AlignedBuffer<ScoredKey> keys_;
  AlignedBuffer<ScoredKey> undecided_;
  AlignedBuffer<uint32_t> counts_;  // keys in each bin
  int64_t keep_ = 1;
  int64_t prune_at_ = 1;
  int64_t size_ = 0;
  int64_t counted_ = 0;      // keys in the lowest bin that is counted and above
  uint32_t lowest_bin_ = 0;  // the highest with `keep` keys in it and above, or the first
  uint32_t lowest_ = 0;
  int shift_ = 0;
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_TOP_CODES_H_
