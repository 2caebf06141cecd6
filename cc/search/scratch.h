// The memory of a search. It belongs to the call, grows to what the largest query so far needed
// and is then used again, so that a warm search allocates nothing, but for a batch
// that chooses more leaves in all than any before.
#ifndef TFSCANN_SEARCH_SCRATCH_H_
#define TFSCANN_SEARCH_SCRATCH_H_

#include <memory>
#include <mutex>
#include <vector>

#include "cc/base/aligned_buffer.h"
#include "cc/search/options.h"
#include "cc/search/row_set.h"
#include "cc/search/top_codes.h"
#include "cc/search/top_k.h"

namespace tfscann {

// A query, in the forms that the stages want.
struct PreparedQuery {
  AlignedBuffer<float> values;    // padded with zeros to a multiple of 16; unit length if cosine
  AlignedBuffer<float> centered;  // squared_l2: values minus the mean candidate; else empty
  AlignedBuffer<int8_t> int8_values;  // of the centered (or plain) values; padded to 64
  float int8_scale = 0;
  float norm = 0;  // of the centered (or plain) values
};

// A leaf that was chosen, and the part of the score that its candidates share, see
// Partitioner::ChooseLeaves.
struct ChosenLeaf {
  int32_t leaf;
  float bias;
};

struct LookupTable {
  AlignedBuffer<uint8_t> entries;  // 16 a block
  float scale = 1;                 // units of the integer scores in one unit of score
  float zero_bias = 0;             // that counts for nothing
  float allowance = 0;             // for errors of codes, a unit of the residual's length
  uint16_t zero_sum = 0;           // of entries that stand for a residual of 0
  int16_t sum_offset = 0;          // added to sums: the allowance of the longest less zero_sum

  // The score, in units, of a candidate of a leaf whose residual is 0; with what scaled sums add to
  // it, it fits in 16 bits.
  uint16_t ScoreOffset(float bias) const {
    // std::max in this order turns a NaN (of overflowing products) into 0.
    const float units = std::min(kMaxBiasUnits, std::max(0.0f, (bias - zero_bias) * scale));
    return static_cast<uint16_t>(static_cast<int32_t>(units) + zero_sum);
  }
  static constexpr float kMaxBiasUnits = 32767;
};

// One query on its way through the stages.
struct QueryState {
  int64_t number = 0;  // in its batch
  PreparedQuery query;
  RowSet excluded;
  LeafStatistics leaf_statistics = {};
  AlignedBuffer<ChosenLeaf> chosen_leaves;
  LookupTable lookup_table;
  TopCodes top_codes;
  // The rows to be scored: first all that stand in top_codes, then the best of them.
  AlignedBuffer<int32_t> reordered_rows;
};

// A leaf that a query of a batch has chosen.
struct LeafVisit {
  int32_t query;
  float bias;
};

struct SearchScratch {
  std::vector<QueryState> queries;
  AlignedBuffer<int32_t> query_order;
  AlignedBuffer<int32_t> branch_of_query;

  // Partitioning.
  AlignedBuffer<int32_t> centroid_dots;
  AlignedBuffer<float> leaf_scores;
  AlignedBuffer<float> leaf_biases;
  AlignedBuffer<float> leaf_maxima;
  AlignedBuffer<int32_t> leaf_groups;
  AlignedBuffer<int32_t> leaf_indices;
  TopKeys top_leaves;

  // Scoring codes.
  AlignedBuffer<ChosenLeaf> sorted_leaves;
  AlignedBuffer<float> products;
  AlignedBuffer<float> block_minima;
  AlignedBuffer<float> block_ranges;
  AlignedBuffer<int64_t> first_visits;
  AlignedBuffer<LeafVisit> visits;

  // Reordering.
  AlignedBuffer<int32_t> row_slots;
  AlignedBuffer<int32_t> int8_dots;
  AlignedBuffer<float> int8_scores;
  AlignedBuffer<int32_t> int8_best;
  AlignedBuffer<ScoredKey> int8_keys;
  AlignedBuffer<float> row_scores;
  TopKeys top_rows;
  AlignedBuffer<float> float_row;

  // Exact search.
  AlignedBuffer<float> padded_queries;
  AlignedBuffer<float> scores;
  std::vector<TopKeys> top_of_query;
  std::vector<RowSet> excluded_of_query;
};

// Scratches to borrow, so that threads need not keep one each. Thread-safe.
class ScratchPool {
 public:
  std::unique_ptr<SearchScratch> Take() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<SearchScratch> scratch = std::move(free_.back());
        free_.pop_back();
        return scratch;
      }
      free_.reserve(num_made_ + 1);
      ++num_made_;
    }
    return std::make_unique<SearchScratch>();
  }
  // There is room for all that were made: this allocates nothing.
  void Return(std::unique_ptr<SearchScratch> scratch) {
    std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(std::move(scratch));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<SearchScratch>> free_;
  size_t num_made_ = 0;
};

// A scratch of a pool's, until the end of the scope.
class BorrowedScratch {
 public:
  explicit BorrowedScratch(ScratchPool* pool) : pool_(pool), scratch_(pool->Take()) {}
  BorrowedScratch(const BorrowedScratch&) = delete;
  BorrowedScratch& operator=(const BorrowedScratch&) = delete;
  ~BorrowedScratch() { pool_->Return(std::move(scratch_)); }

  SearchScratch* get() const { return scratch_.get(); }

 private:
  ScratchPool* const pool_;
  std::unique_ptr<SearchScratch> scratch_;
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_SCRATCH_H_
