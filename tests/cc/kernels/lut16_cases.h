// What every lut16_scan must do, whatever it is compiled for.
#ifndef TFSCANN_TESTS_KERNELS_LUT16_CASES_H_
#define TFSCANN_TESTS_KERNELS_LUT16_CASES_H_

#include <algorithm>
#include <cmath>
#include <vector>

#include "cc/base/aligned_buffer.h"
#include "cc/kernels/kernels.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {

using Lut16Kernel = decltype(Kernels::lut16_scan);

// Where the hits of a query go.
struct Lut16Hits {
  static constexpr uint16_t kUntouched = 0xabcd;
  static size_t Room(int64_t num_candidates) { return RoundUp(num_candidates, kLut16Group); }

  explicit Lut16Hits(int64_t num_candidates)
      : scores(Room(num_candidates) + 1, kUntouched), places(scores) {}
  Lut16Query Query(const uint8_t* table, int32_t threshold, uint16_t score_offset,
                   int16_t sum_offset) {
    return {table,
            static_cast<uint16_t>(threshold),
            score_offset,
            sum_offset,
            scores.data(),
            places.data(),
            -1};
  }
  // Leaves what the scan wrote, having checked that it kept to its room.
  void Finish(const Lut16Query& scanned) {
    EXPECT_EQ(scores.back(), kUntouched);
    EXPECT_EQ(places.back(), kUntouched);
    scores.resize(scanned.num_hits);
    places.resize(scanned.num_hits);
  }

  std::vector<uint16_t> scores, places;
};

// Codes and tables as they are before packing, and as they are scanned.
class Lut16Data {
 public:
  // Table entries are at most `max_entry`; `fill` (or a random one, if negative) is what all are.
  // Scales are random, every fifth being the largest and one 0.
  Lut16Data(int64_t num_groups, int64_t num_blocks, int max_entry, int fill, uint64_t seed)
      : num_groups_(num_groups), num_blocks_(num_blocks), num_pairs_(CeilDiv(num_blocks, 2)) {
    Random random(seed, 0, 0);
    table_.assign(RoundUp(num_blocks, 4) * 16, 0);
    for (int64_t i = 0; i < num_blocks * 16; ++i) {
      table_[i] = static_cast<uint8_t>(fill >= 0 ? fill : IntegerIn(&random, 0, max_entry));
    }
    packed_.assign(num_groups * num_pairs_ * kLut16PairBytes, 0);
    sums_.assign(num_groups * kLut16Group, 0);
    scales_.assign(num_groups * kLut16Group, kLut16MaxScale);
    for (size_t i = 0; i < scales_.size(); ++i) {
      const int scale = IntegerIn(&random, 1, kLut16MaxScale);
      if (i % 5 != 0) scales_[i] = i == 7 ? uint8_t{0} : static_cast<uint8_t>(scale);
    }
    for (int64_t candidate = 0; candidate < num_groups * kLut16Group; ++candidate) {
      // The block that an odd number leaves over holds junk: its table is zero.
      for (int64_t block = 0; block < 2 * num_pairs_; ++block) {
        const int code = static_cast<int>(random.Below(16));
        Pack(candidate, block, code);
        if (block < num_blocks) sums_[candidate] += table_[block * 16 + code];
      }
    }
  }

  // What is added to sums from now on; at first nothing.
  void SetSumOffset(int32_t sum_offset) { sum_offset_ = static_cast<int16_t>(sum_offset); }
  int16_t sum_offset() const { return sum_offset_; }

  // What a candidate's sum adds to its score, by the words of kernels.h.
  int32_t Scaled(int64_t candidate) const {
    const double product = (0.0 + sums_[candidate] + sum_offset_) * scales_[candidate];
    return static_cast<int32_t>(std::floor(product / kLut16ScaleOne + 0.5));
  }

  const uint8_t* table() const { return table_.data(); }

  // One of the groups, with its first `num_candidates`.
  Lut16Codes Group(int64_t group, int64_t num_candidates, uint16_t score_offset) const {
    return {packed_.data() + group * num_pairs_ * kLut16PairBytes,
            static_cast<uint32_t>(group * kLut16Group), score_offset,
            static_cast<uint16_t>(num_candidates)};
  }
  // The groups of the first `num_candidates`.
  std::vector<Lut16Codes> Groups(int64_t num_candidates) const {
    std::vector<Lut16Codes> groups;
    for (int64_t begin = 0; begin < num_candidates; begin += kLut16Group) {
      groups.push_back(
          Group(begin / kLut16Group, std::min<int64_t>(num_candidates - begin, kLut16Group), 0));
    }
    return groups;
  }
  // All of a list.
  Lut16Scan Scan(const std::vector<Lut16Codes>& groups) const {
    const int64_t count = static_cast<int64_t>(groups.size());
    return {groups.data(), count, count, num_pairs_, scales_.data()};
  }
  int64_t num_candidates() const { return num_groups_ * kLut16Group; }

  // Scans the first `num_candidates` for as many queries as there are thresholds of scaled sums,
  // and compares with those, literally. All queries have this table. Scores and thresholds must
  // fit in 16 bits with the score offset.
  void Check(Lut16Kernel kernel, const std::vector<int32_t>& thresholds, uint16_t score_offset,
             int64_t num_candidates) const {
    std::vector<Lut16Hits> hits(thresholds.size(), Lut16Hits(num_candidates));
    std::vector<Lut16Query> queries;
    for (size_t q = 0; q < thresholds.size(); ++q) {
      queries.push_back(
          hits[q].Query(table(), thresholds[q] + score_offset, score_offset, sum_offset_));
    }
    // More are listed than scanned.
    std::vector<Lut16Codes> groups = Groups(num_candidates);
    const int64_t num_groups = static_cast<int64_t>(groups.size());
    for (int64_t i = 0; i < num_groups; ++i) groups.push_back(groups[i]);
    kernel({groups.data(), num_groups, 2 * num_groups, num_pairs_, scales_.data()}, queries.data(),
           static_cast<int64_t>(queries.size()));
    for (size_t q = 0; q < thresholds.size(); ++q) {
      std::vector<uint16_t> scores, places;
      for (int64_t i = 0; i < num_candidates; ++i) {
        const int32_t scaled = Scaled(i);
        if (scaled < thresholds[q]) continue;
        scores.push_back(static_cast<uint16_t>(score_offset + scaled));
        places.push_back(static_cast<uint16_t>(i));
      }
      hits[q].Finish(queries[q]);
      ASSERT_EQ(hits[q].scores, scores)
          << num_candidates << " candidates, " << num_blocks_ << " blocks, threshold "
          << thresholds[q] << ", query " << q << " of " << thresholds.size();
      ASSERT_EQ(hits[q].places, places);
    }
  }
  void Check(Lut16Kernel kernel, const std::vector<int32_t>& thresholds) const {
    Check(kernel, thresholds, static_cast<uint16_t>(1000 + std::max(0, -sum_offset_)),
          num_candidates());
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
  std::vector<uint8_t> scales_;
  int16_t sum_offset_ = 0;
};

// The largest entry that all blocks may have together.
inline int MaxEntry(int64_t num_blocks) {
  int64_t entry = kLut16MaxSum / num_blocks;
  for (const int64_t step : kLut16BlocksPerStep) {
    entry = std::min(entry, kLut16MaxByteSum / Lut16StepsPerRun(CeilDiv(num_blocks, step)));
  }
  return static_cast<int>(entry);
}

inline void CheckLut16Scan(Lut16Kernel kernel) {
  // The longest runs have 31 blocks in steps of 2, and 63 in steps of 4.
  for (const int64_t num_blocks :
       {1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 33, 49, 50, 51, 52, 54, 63, 65, 257, 258}) {
    for (const int64_t num_groups : {0, 1, 2, 5}) {
      Lut16Data data(num_groups, num_blocks, MaxEntry(num_blocks), -1, num_blocks);
      // About half of the sums are less, so that products have both signs.
      data.SetSumOffset(-num_blocks * MaxEntry(num_blocks) / 2);
      std::vector<int32_t> thresholds = {data.sum_offset(), 0, 1, kLut16MaxSum};
      // Each score and its neighbours are where a comparison could be off by one.
      for (int64_t i = 0; i < data.num_candidates(); i += 13) {
        for (const int32_t near : {-1, 0, 1}) thresholds.push_back(data.Scaled(i) + near);
      }
      for (const int32_t threshold : thresholds) data.Check(kernel, {threshold});
      // All of them together, and few enough to be scanned in every way.
      data.Check(kernel, thresholds);
      for (size_t num_queries = 0; num_queries < 9; ++num_queries) {
        std::vector<int32_t> some(num_queries);
        for (size_t q = 0; q < num_queries; ++q) some[q] = thresholds[q * 5 % thresholds.size()];
        data.Check(kernel, some);
      }
    }
  }
}

// Bytes that are full on every target (60 blocks of 17), and sums up to the largest that 15 bits
// hold (4,681 blocks of 7); with the largest offset the scores fill 16 bits.
inline void CheckLut16Extremes(Lut16Kernel kernel) {
  for (const int64_t num_blocks : {60, 257, 258, 1000, 4096, 4681}) {
    const int entry = MaxEntry(num_blocks);
    Lut16Data data(2, num_blocks, entry, entry, 1);
    const int32_t sum = static_cast<int32_t>(num_blocks * entry);
    for (const int32_t sum_offset : {0, -1, -sum / 2, -sum, kLut16MaxSum - sum}) {
      data.SetSumOffset(sum_offset);
      const int32_t largest = data.Scaled(0), negative = std::max(0, -sum_offset);
      for (const int32_t threshold : {-negative, largest - 1, largest, largest + 1}) {
        for (const int offset : {0, 1, 32768 - negative}) {
          if (negative + offset + threshold < 0) continue;
          data.Check(kernel, {threshold}, static_cast<uint16_t>(negative + offset),
                     data.num_candidates());
        }
      }
    }
  }
}

// Each query is scanned with its own table and offsets; in three runs, too.
inline void CheckLut16Tables(Lut16Kernel kernel) {
  for (const int64_t num_blocks : {51, 258}) {
    const Lut16Data codes(3, num_blocks, MaxEntry(num_blocks), -1, 1);
    std::vector<Lut16Data> others;
    for (uint64_t seed = 2; seed < 9; ++seed) {
      others.emplace_back(3, num_blocks, MaxEntry(num_blocks), -1, seed);
    }
    const int32_t mean_sum = static_cast<int32_t>(num_blocks * MaxEntry(num_blocks) / 2);
    const auto query_of = [&](size_t q, Lut16Hits* hits) {
      const int number = static_cast<int>(q);
      const int32_t offset = mean_sum + 10 * number, sum_offset = -mean_sum + 20 * number;
      return hits->Query(others[q].table(), offset + 30, static_cast<uint16_t>(offset),
                         static_cast<int16_t>(sum_offset));
    };
    const std::vector<Lut16Codes> groups = codes.Groups(codes.num_candidates());
    const Lut16Scan scan = codes.Scan(groups);
    // 4 and 3 at a time, and 2.
    for (const size_t num_queries : {others.size(), size_t{2}}) {
      std::vector<Lut16Query> queries;
      std::vector<Lut16Hits> hits(num_queries, Lut16Hits(codes.num_candidates()));
      for (size_t q = 0; q < num_queries; ++q) queries.push_back(query_of(q, &hits[q]));
      kernel(scan, queries.data(), static_cast<int64_t>(num_queries));
      for (size_t q = 0; q < num_queries; ++q) {
        Lut16Hits alone(codes.num_candidates());
        Lut16Query query = query_of(q, &alone);
        kernel(scan, &query, 1);
        alone.Finish(query);
        hits[q].Finish(queries[q]);
        EXPECT_GT(alone.scores.size(), 0u);
        EXPECT_EQ(hits[q].scores, alone.scores) << num_blocks << " blocks, query " << q;
        EXPECT_EQ(hits[q].places, alone.places);
      }
    }
  }
}

// What stands in the last group behind the last candidate is no hit; of the largest scan, too.
inline void CheckLut16Places(Lut16Kernel kernel) {
  const Lut16Data few(3, 10, MaxEntry(10), -1, 2);
  for (int64_t count = 1; count <= few.num_candidates(); ++count) {
    few.Check(kernel, {0, 100, kLut16MaxSum, 90, 155}, 7, count);
  }
  const Lut16Data many(kLut16MaxGroups, 2, MaxEntry(2), -1, 3);
  many.Check(kernel, {0}, 0, kLut16MaxGroups * kLut16Group);
  many.Check(kernel, {45, 0, kLut16MaxSum, 30, 44}, 0, kLut16MaxGroups * kLut16Group - 1);
}

// Groups come in any order, with offsets of their own, `least_offset` and more, and as many
// candidates as they say.
inline void CheckLut16Groups(Lut16Kernel kernel, int least_offset) {
  constexpr uint16_t kOffset = 40;
  const int threshold = 400 + least_offset;
  Lut16Data data(7, 50, MaxEntry(50), -1, 5);
  data.SetSumOffset(-60);
  std::vector<Lut16Codes> groups;
  std::vector<uint16_t> scores, places;
  for (const int64_t group : {6, 0, 3, 3, 1}) {
    const uint16_t own = static_cast<uint16_t>(least_offset + 30 * group);
    const int64_t size = group == 6 ? 1 : 32 - 5 * group;
    for (int64_t i = 0; i < size; ++i) {
      const int32_t score = data.Scaled(group * kLut16Group + i) + own + kOffset;
      if (score < threshold) continue;
      scores.push_back(static_cast<uint16_t>(score));
      places.push_back(static_cast<uint16_t>(groups.size() * kLut16Group + i));
    }
    groups.push_back(data.Group(group, size, own));
  }
  ASSERT_GT(scores.size(), 10u);
  for (const int64_t num_queries : {1, 2, 3, 4}) {
    std::vector<Lut16Hits> hits(num_queries, Lut16Hits(5 * kLut16Group));
    std::vector<Lut16Query> queries;
    for (Lut16Hits& of_query : hits) {
      queries.push_back(of_query.Query(data.table(), threshold, kOffset, data.sum_offset()));
    }
    kernel(data.Scan(groups), queries.data(), num_queries);
    for (int64_t q = 0; q < num_queries; ++q) {
      hits[q].Finish(queries[q]);
      EXPECT_EQ(hits[q].scores, scores);
      EXPECT_EQ(hits[q].places, places);
    }
  }
}

// Offsets of half the range of 16 bits, and of nearly all of it, too.
inline void CheckLut16Groups(Lut16Kernel kernel) {
  for (const int least_offset : {0, 32700, 64000}) CheckLut16Groups(kernel, least_offset);
}

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_KERNELS_LUT16_CASES_H_
