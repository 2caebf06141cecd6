// What every lut16_scan must do, whatever it is compiled for.
#ifndef TFSCANN_TESTS_KERNELS_LUT16_CASES_H_
#define TFSCANN_TESTS_KERNELS_LUT16_CASES_H_

#include <algorithm>
#include <vector>

#include "cc/base/aligned_buffer.h"
#include "cc/kernels/kernels.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {

using Lut16Kernel = decltype(Kernels::lut16_scan);

// Codes and tables as they are before packing, and as they are scanned.
class Lut16Data {
 public:
  // Table entries are at most `max_entry`; `fill` (or a random one, if negative) is what all are.
  Lut16Data(int64_t num_groups, int64_t num_blocks, int max_entry, int fill, uint64_t seed)
      : num_groups_(num_groups), num_blocks_(num_blocks), num_pairs_(CeilDiv(num_blocks, 2)) {
    Random random(seed, 0, 0);
    table_.assign(RoundUp(num_blocks, 4) * 16, 0);
    for (int64_t i = 0; i < num_blocks * 16; ++i) {
      table_[i] = static_cast<uint8_t>(fill >= 0 ? fill : IntegerIn(&random, 0, max_entry));
    }
    packed_.assign(num_groups * num_pairs_ * kLut16PairBytes, 0);
    sums_.assign(num_groups * kLut16Group, 0);
    for (int64_t candidate = 0; candidate < num_groups * kLut16Group; ++candidate) {
      // The block that an odd number leaves over holds junk: its table is zero.
      for (int64_t block = 0; block < 2 * num_pairs_; ++block) {
        const int code = static_cast<int>(random.Below(16));
        Pack(candidate, block, code);
        if (block < num_blocks) sums_[candidate] += table_[block * 16 + code];
      }
    }
  }

  const std::vector<int32_t>& sums() const { return sums_; }

  const uint8_t* table() const { return table_.data(); }

  // The codes; `prefetch` is any address.
  Lut16Scan Scan(uint32_t first_position, const uint8_t* prefetch) const {
    return {packed_.data(), num_groups_, num_pairs_, first_position, prefetch};
  }

  // Scans for as many queries as there are thresholds and compares with the sums, literally. All
  // queries have this table.
  void Check(Lut16Kernel kernel, const std::vector<int32_t>& thresholds, uint32_t key_offset,
             uint32_t first_position) const {
    constexpr uint64_t kUntouched = 0xabcdef;
    std::vector<std::vector<uint64_t>> hits(thresholds.size());
    std::vector<Lut16Query> queries;
    for (size_t q = 0; q < thresholds.size(); ++q) {
      hits[q].assign(sums_.size() + 1, kUntouched);
      queries.push_back({table_.data(), thresholds[q], key_offset, hits[q].data()});
    }
    kernel(Scan(first_position, packed_.data()), queries.data(),
           static_cast<int64_t>(queries.size()));
    for (size_t q = 0; q < thresholds.size(); ++q) {
      std::vector<uint64_t> expected;
      for (size_t i = 0; i < sums_.size(); ++i) {
        if (sums_[i] < thresholds[q]) continue;
        const uint32_t position = first_position + static_cast<uint32_t>(i);
        expected.push_back(uint64_t{key_offset + static_cast<uint32_t>(sums_[i])} << 32 |
                           static_cast<uint32_t>(~position));
      }
      ASSERT_EQ(hits[q].back(), kUntouched);
      hits[q].resize(queries[q].hits - hits[q].data());
      ASSERT_EQ(hits[q], expected)
          << num_groups_ << " groups, " << num_blocks_ << " blocks, threshold " << thresholds[q]
          << ", query " << q << " of " << thresholds.size();
    }
  }
  void Check(Lut16Kernel kernel, int32_t threshold, uint32_t key_offset,
             uint32_t first_position) const {
    Check(kernel, std::vector<int32_t>{threshold}, key_offset, first_position);
  }

 private:
  // By the words of kernels.h: byte j of a half holds candidate j / 2 + 8 * (j % 2) in the low
  // nibble and that candidate + 16 in the high one.
  void Pack(int64_t candidate, int64_t block, int code) {
    uint8_t* pair = packed_.data() + (candidate / 32 * num_pairs_ + block / 2) * 32;
    for (int byte = 0; byte < 16; ++byte) {
      const int low = byte / 2 + 8 * (byte % 2);
      uint8_t* to = pair + block % 2 * 16 + byte;
      if (candidate % 32 == low) *to = static_cast<uint8_t>(*to | code);
      if (candidate % 32 == low + 16) *to = static_cast<uint8_t>(*to | code << 4);
    }
  }

  int64_t num_groups_;
  int64_t num_blocks_;
  int64_t num_pairs_;
  std::vector<uint8_t> table_;
  std::vector<uint8_t> packed_;
  std::vector<int32_t> sums_;
};

inline int MaxEntry(int64_t num_blocks) {
  return static_cast<int>(std::min<int64_t>(kLut16MaxEntry, kLut16MaxSum / num_blocks));
}

inline void CheckLut16Scan(Lut16Kernel kernel) {
  for (const int64_t num_blocks : {1, 2, 3, 4, 5, 6, 7, 8, 9, 49, 50, 51, 52, 257, 258}) {
    for (const int64_t num_groups : {0, 1, 2, 5}) {
      const Lut16Data data(num_groups, num_blocks, MaxEntry(num_blocks), -1, num_blocks);
      std::vector<int32_t> thresholds = {0, 1, kLut16MaxSum};
      // Each sum and its neighbours are where a comparison could be off by one.
      for (size_t i = 0; i < data.sums().size(); i += 13) {
        for (const int32_t near : {-1, 0, 1}) {
          thresholds.push_back(std::max(0, data.sums()[i] + near));
        }
      }
      for (const int32_t threshold : thresholds) data.Check(kernel, threshold, 1u << 30, 64);
      // All of them together, and few enough to be scanned in every way.
      data.Check(kernel, thresholds, 1u << 30, 64);
      for (size_t num_queries = 0; num_queries < 9; ++num_queries) {
        std::vector<int32_t> some(num_queries);
        for (size_t q = 0; q < num_queries; ++q) some[q] = thresholds[q * 5 % thresholds.size()];
        data.Check(kernel, some, 1u << 30, 64);
      }
    }
  }
}

// Sums up to the largest that 15 bits hold, from few large entries and from many small ones.
inline void CheckLut16Extremes(Lut16Kernel kernel) {
  for (const int64_t num_blocks : {257, 258, 1000, 4096}) {
    const int entry = MaxEntry(num_blocks);
    const Lut16Data data(2, num_blocks, entry, entry, 1);
    const int32_t sum = static_cast<int32_t>(num_blocks * entry);
    for (const int32_t threshold : {0, sum - 1, sum, std::min(sum + 1, kLut16MaxSum)}) {
      data.Check(kernel, threshold, 1u << 30, 0);
    }
  }
}

// Each query is scanned with its own table.
inline void CheckLut16Tables(Lut16Kernel kernel) {
  const Lut16Data codes(3, 51, kLut16MaxEntry, -1, 1);
  std::vector<Lut16Data> others;
  for (uint64_t seed = 2; seed < 9; ++seed) others.emplace_back(3, 51, kLut16MaxEntry, -1, seed);
  std::vector<Lut16Query> queries;
  std::vector<std::vector<uint64_t>> hits(others.size(), std::vector<uint64_t>(3 * 32 + 1));
  for (size_t q = 0; q < others.size(); ++q) {
    queries.push_back({others[q].table(), 780, 1u << 30, hits[q].data()});
  }
  kernel(codes.Scan(0, nullptr), queries.data(), static_cast<int64_t>(queries.size()));
  for (size_t q = 0; q < others.size(); ++q) {
    std::vector<uint64_t> alone(3 * 32 + 1);
    Lut16Query query = {others[q].table(), 780, 1u << 30, alone.data()};
    kernel(codes.Scan(0, nullptr), &query, 1);
    alone.resize(query.hits - alone.data());
    hits[q].resize(queries[q].hits - hits[q].data());
    EXPECT_GT(alone.size(), 0u);
    EXPECT_EQ(hits[q], alone);
  }
}

// Keys and positions use all of their 32 bits.
inline void CheckLut16KeysAndPositions(Lut16Kernel kernel) {
  const Lut16Data data(3, 10, kLut16MaxEntry, -1, 2);
  for (const uint32_t key_offset : {0u, 1u << 29, 3u << 29, 0xffff0000u}) {
    for (const uint32_t first_position : {0u, 32u, 0x7fffffe0u, 0xffffffa0u}) {
      data.Check(kernel, 0, key_offset, first_position);
      data.Check(kernel, 160, key_offset, first_position);
    }
  }
}

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_KERNELS_LUT16_CASES_H_
