// Keeping the best of the scored codes of a query.
#ifndef TFSCANN_SEARCH_TOP_CODES_H_
#define TFSCANN_SEARCH_TOP_CODES_H_

#include <algorithm>
#include <cstdint>

#include "cc/base/aligned_buffer.h"
#include "cc/base/matrix_view.h"
#include "cc/kernels/kernels.h"

namespace tfscann {

// The positions with the `keep` largest scores among those given to it, and those whose scores
// equal the last of them: an eighth more at most, or else the lower positions only. Which ones are
// kept does not depend on the order in which they come.
class TopCodes {
 public:
  // Forgets everything; `keep` must be positive. Positions whose score is below `floor` are left
  // out: as long as there are enough others it is the same without them.
  void Reset(int64_t keep, uint16_t floor) {
    keep_ = keep;
    size_ = 0;
    threshold_ = floor_ = floor;
    dropped_ties_ = false;
    prune_at_ = std::max(kFewest, MostAfterPruning() + 1);
  }

  // Positions whose score is below can be left out.
  uint16_t threshold() const { return threshold_; }

  // Some that should have been kept may have been left out for the floor.
  bool missed_some() const { return floor_ > 0 && size_ < keep_; }

  // Where the scores of up to `count` more positions go, to be announced with Commit. Room for a
  // multiple of 32 may be written to.
  uint16_t* Reserve(int64_t count) {
    Grow(size_ + RoundUp(count, kLot));
    return scores_.data() + size_;
  }
  // The i-th of the scores is that of the candidate at places[i] of a scan, of whose groups each
  // has its shift from a place to a position. See Kernels::shift_places.
  void Commit(const uint16_t* places, int64_t count, const uint32_t* shifts) {
    ActiveKernels().shift_places(places, count, shifts, positions_.data() + size_);
    size_ += count;
    if (size_ >= prune_at_) {
      Prune(MostAfterPruning());
      prune_at_ = size_ + std::max(kFewest, keep_);
    }
  }

  // Positions that Finish may return.
  int64_t most_kept() const { return keep_ + keep_ / 8; }

  // The best positions, in no particular order.
  Span<const uint32_t> Finish();

 private:
  // The kernels take scores by so many.
  static constexpr int64_t kLot = 32;

  // So many at least come between one raise of the threshold and the next, and `keep`: seldom
  // enough to cost little, often enough to keep most positions out.
  static constexpr int64_t kFewest = 32;
  int64_t MostAfterPruning() const { return keep_ + keep_ / 4; }

  void Grow(int64_t size);
  // Raises the threshold to where at least `keep` scores reach it, and not many more than `most`,
  // and drops what is below.
  void Prune(int64_t most);
  // Of the scores equal to the threshold keeps as many as there is room for, the lowest positions.
  void DropTies();

  AlignedBuffer<uint16_t> scores_;
  AlignedBuffer<uint32_t> positions_;
  AlignedBuffer<uint32_t> ties_;
  int64_t keep_ = 1;
  int64_t prune_at_ = 1;
  int64_t size_ = 0;
  uint16_t floor_ = 0;
  uint16_t threshold_ = 0;
  // More scores than can be kept equal the threshold: some were dropped.
  bool dropped_ties_ = false;
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_TOP_CODES_H_
