// What the kernels over 16-bit scores must do, whatever they are compiled for.
#ifndef TFSCANN_TESTS_KERNELS_SCORES_CASES_H_
#define TFSCANN_TESTS_KERNELS_SCORES_CASES_H_

#include <algorithm>
#include <functional>
#include <vector>

#include "cc/base/aligned_buffer.h"
#include "cc/kernels/kernels.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {

// `count` scores of which the largest is below `end`.
inline std::vector<uint16_t> RandomScores(int64_t count, uint64_t end) {
  Random random(static_cast<uint64_t>(count), end, 0);
  std::vector<uint16_t> scores(count);
  for (uint16_t& score : scores) score = static_cast<uint16_t>(random.Below(end));
  return scores;
}

constexpr uint64_t kScoreEnds[] = {1, 2, 50, 32769, 65536};

inline void CheckBoundOfScores(decltype(Kernels::bound_of_scores) bound_of_scores) {
  for (const int64_t count : {1, 2, 31, 32, 33, 64, 500, 2000}) {
    for (const uint64_t end : kScoreEnds) {
      std::vector<uint16_t> scores = RandomScores(count, end);
      std::vector<uint16_t> sorted = scores;
      std::sort(sorted.begin(), sorted.end(), std::greater<uint16_t>());
      scores.resize(RoundUp(count, 32), 0);
      const auto reached_by = [&](int bound) {
        return std::count_if(sorted.begin(), sorted.end(), [&](int s) { return s >= bound; });
      };
      for (int64_t rank = 1; rank <= count; rank += 1 + count / 40) {
        const auto needed = reached_by(sorted[rank - 1]);
        for (const int64_t most : {rank, rank + 1, rank + rank / 4, count}) {
          for (const uint16_t lowest : {uint16_t{0}, sorted.back()}) {
            const uint16_t bound = bound_of_scores(scores.data(), count, rank, most, lowest);
            ASSERT_GE(reached_by(bound), rank) << "of " << count << " below " << end;
            if (needed <= most) {
              ASSERT_LE(reached_by(bound), most) << "rank " << rank << " of " << count;
            } else {
              ASSERT_EQ(reached_by(bound), needed) << "rank " << rank << " of " << count;
            }
          }
        }
      }
    }
  }
}

inline void CheckKeepScoresAtLeast(decltype(Kernels::keep_scores_at_least) keep_scores_at_least) {
  for (const int64_t count : {0, 1, 2, 31, 32, 33, 64, 500}) {
    for (const uint64_t end : kScoreEnds) {
      const std::vector<uint16_t> all = RandomScores(count, end);
      for (const int threshold : {0, 1, 25, 30000, 40000, 65535}) {
        std::vector<uint16_t> scores = all, kept_scores;
        std::vector<uint32_t> positions(count), kept_positions;
        for (int64_t i = 0; i < count; ++i) {
          positions[i] = 0xfffffff0u - static_cast<uint32_t>(i);
          if (all[i] < threshold) continue;
          kept_scores.push_back(all[i]);
          kept_positions.push_back(positions[i]);
        }
        // Behind the last there may be anything.
        scores.resize(RoundUp(count, 32), 0xffff);
        positions.resize(RoundUp(count, 32), 7);
        const int64_t kept = keep_scores_at_least(scores.data(), positions.data(), count,
                                                  static_cast<uint16_t>(threshold));
        ASSERT_EQ(kept, static_cast<int64_t>(kept_scores.size()));
        scores.resize(kept);
        positions.resize(kept);
        ASSERT_EQ(scores, kept_scores) << count << " below " << end << " from " << threshold;
        ASSERT_EQ(positions, kept_positions);
      }
    }
  }
}

inline void CheckShiftPlaces(decltype(Kernels::shift_places) shift_places) {
  Random random(1, 0, 0);
  for (const int64_t count : {0, 1, 7, 8, 9, 15, 16, 17, 500, 512}) {
    std::vector<uint32_t> shifts(kLut16MaxGroups), expected(count), positions(RoundUp(count, 32));
    // Positions may be smaller than places: shifts wrap around.
    for (uint32_t& shift : shifts) shift = static_cast<uint32_t>(random.Next());
    // Behind the last there may be anything.
    std::vector<uint16_t> places(RoundUp(count, 32), 0xffff);
    for (int64_t i = 0; i < count; ++i) {
      places[i] = static_cast<uint16_t>(random.Below(kLut16MaxGroups * kLut16Group));
      expected[i] = static_cast<uint32_t>(uint64_t{places[i]} + shifts[places[i] / kLut16Group]);
    }
    shift_places(places.data(), count, shifts.data(), positions.data());
    positions.resize(count);
    ASSERT_EQ(positions, expected) << count << " places";
  }
}

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_KERNELS_SCORES_CASES_H_
