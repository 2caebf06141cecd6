#include "cc/search/top_codes.h"

#include <cstring>

#include "cc/kernels/kernels.h"

namespace tfscann {

void TopCodes::Grow(int64_t size) {
  // One lot more, which the kernels may read and write.
  if (size + kLot <= static_cast<int64_t>(scores_.size())) return;
  AlignedBuffer<uint16_t> scores(2 * (size + kLot));
  AlignedBuffer<uint32_t> positions(2 * (size + kLot));
  std::copy(scores_.data(), scores_.data() + size_, scores.data());
  std::copy(positions_.data(), positions_.data() + size_, positions.data());
  scores_.swap(scores);
  positions_.swap(positions);
}

void TopCodes::Prune(int64_t most) {
  if (size_ <= most) return;
  std::memset(scores_.data() + size_, 0, kLot * sizeof(uint16_t));
  const uint16_t bound =
      ActiveKernels().bound_of_scores(scores_.data(), size_, keep_, most, threshold_);
  dropped_ties_ = dropped_ties_ && bound == threshold_;
  threshold_ = bound;
  size_ =
      ActiveKernels().keep_scores_at_least(scores_.data(), positions_.data(), size_, threshold_);
  // Equal scores, of which there may be any number, must not fill the memory.
  if (size_ > 2 * keep_) DropTies();
}

void TopCodes::DropTies() {
  const uint16_t* const scores = scores_.data();
  uint32_t* const ties = ties_.Resize(size_);
  int64_t num_ties = 0;
  for (int64_t i = 0; i < size_; ++i) {
    ties[num_ties] = positions_[i];
    num_ties += scores[i] == threshold_;
  }
  const int64_t room = num_ties - (size_ - keep_);
  std::nth_element(ties, ties + room - 1, ties + num_ties);
  const uint32_t last = ties[room - 1];
  int64_t kept = 0;
  for (int64_t i = 0; i < size_; ++i) {
    const uint16_t score = scores_[i];
    const uint32_t position = positions_[i];
    scores_[kept] = score;
    positions_[kept] = position;
    kept += score > threshold_ || position <= last;
  }
  size_ = kept;
  dropped_ties_ = true;
}

Span<const uint32_t> TopCodes::Finish() {
  Prune(keep_);
  if (size_ > (dropped_ties_ ? keep_ : most_kept())) DropTies();
  return {positions_.data(), static_cast<size_t>(size_)};
}

}  // namespace tfscann
