#include "cc/search/top_codes.h"

#include <algorithm>
#include <vector>

#include "cc/base/random.h"
#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

struct Scored {
  uint16_t score;
  uint32_t position;
  bool operator<(const Scored& other) const {
    return score != other.score ? score < other.score : position > other.position;
  }
};

// The positions of the best `keep`, by sorting them all; and of an eighth more with the last score.
std::vector<uint32_t> Best(std::vector<Scored> all, size_t keep) {
  std::sort(all.rbegin(), all.rend());
  if (all.size() > keep) {
    const auto equal = [&](const Scored& scored) { return scored.score == all[keep - 1].score; };
    const auto ties = std::count_if(all.begin() + static_cast<int64_t>(keep), all.end(), equal);
    all.resize(keep + (static_cast<size_t>(ties) <= keep / 8 ? static_cast<size_t>(ties) : 0));
  }
  std::vector<uint32_t> positions;
  for (const Scored& scored : all) positions.push_back(scored.position);
  std::sort(positions.begin(), positions.end());
  return positions;
}

std::vector<Scored> RandomScored(size_t count, uint64_t num_scores) {
  Random random(count, num_scores, 0);
  std::vector<Scored> all;
  for (size_t i = 0; i < count; ++i) {
    const uint16_t score = static_cast<uint16_t>(1 + random.Below(num_scores));
    all.push_back({score, 0xfff00000u + static_cast<uint32_t>(i)});
  }
  return all;
}

// Gives a lot of them to `top`, but for those below the threshold: as many at a time as a scan has
// groups, since each of them stands in a group of its own.
void Give(const std::vector<Scored>& all, size_t begin, size_t end, TopCodes* top) {
  for (size_t next = begin; next < end;) {
    const uint16_t threshold = top->threshold();
    uint16_t* const scores = top->Reserve(kLut16MaxGroups * kLut16Group);
    uint16_t places[RoundUp(kLut16MaxGroups, 32)];
    uint32_t shifts[kLut16MaxGroups];
    int64_t count = 0;
    for (; next < end && count < kLut16MaxGroups; ++next) {
      if (all[next].score < threshold) continue;
      scores[count] = all[next].score;
      places[count] = static_cast<uint16_t>(count * kLut16Group + next % kLut16Group);
      shifts[count] = all[next].position - places[count];
      ++count;
    }
    top->Commit(places, count, shifts);
  }
}

std::vector<uint32_t> Finish(TopCodes* top) {
  const Span<const uint32_t> best = top->Finish();
  std::vector<uint32_t> positions(best.begin(), best.end());
  std::sort(positions.begin(), positions.end());
  return positions;
}

std::vector<uint32_t> Keep(const std::vector<Scored>& all, size_t keep, size_t lot, TopCodes* top) {
  top->Reset(static_cast<int64_t>(keep), 0);
  for (size_t begin = 0; begin < all.size(); begin += lot) {
    Give(all, begin, std::min(begin + lot, all.size()), top);
  }
  return Finish(top);
}

TEST(TopCodesTest, KeepsTheBestOfAnyStream) {
  TopCodes top;
  for (const size_t count : {0, 1, 2, 300, 20000}) {
    // One score, ties, many scores, all of them.
    for (const uint64_t num_scores : {1ull, 50ull, 1024ull, 65535ull}) {
      const std::vector<Scored> all = RandomScored(count, num_scores);
      for (const size_t keep : {1, 10, 400, 30000}) {
        EXPECT_EQ(Keep(all, keep, 512, &top), Best(all, keep))
            << count << " of " << num_scores << " scores, " << keep << " kept";
      }
    }
  }
}

TEST(TopCodesTest, OrderOfArrivalDoesNotMatter) {
  TopCodes top;
  for (const size_t count : {261, 300, 9000}) {
    for (const uint64_t num_scores : {1, 2, 3, 300}) {
      std::vector<Scored> all = RandomScored(count, num_scores);
      for (const size_t keep : {37, 80, 130}) {
        const std::vector<uint32_t> expected = Best(all, keep);
        for (const bool ascending : {true, false}) {
          std::sort(all.begin(), all.end());
          if (!ascending) std::reverse(all.begin(), all.end());
          for (const size_t lot : {1, 7, 256, 9000}) {
            EXPECT_EQ(Keep(all, keep, lot, &top), expected)
                << count << " of " << num_scores << " scores, " << keep << " kept";
          }
        }
      }
    }
  }
}

// What is below the floor is not needed if enough is not; else somebody has to know.
TEST(TopCodesTest, FloorKeepsOutWhatIsBelow) {
  const std::vector<Scored> all = RandomScored(3000, 1000);
  TopCodes top;
  top.Reset(100, 900);
  EXPECT_EQ(top.threshold(), 900);
  Give(all, 0, all.size(), &top);
  EXPECT_FALSE(top.missed_some());
  EXPECT_EQ(Finish(&top), Best(all, 100));
  top.Reset(100, 990);
  Give(all, 0, all.size(), &top);
  EXPECT_TRUE(top.missed_some());
  top.Reset(100, 0);
  Give(all, 0, 50, &top);
  EXPECT_FALSE(top.missed_some());
  // As many equal it as are kept, one less, and more.
  for (const size_t count : {10, 9, 11, 300}) {
    const std::vector<Scored> equal = RandomScored(count, 1);
    top.Reset(10, 1);
    Give(equal, 0, count, &top);
    EXPECT_EQ(top.missed_some(), count < 10);
    if (count < 10) continue;
    EXPECT_EQ(Finish(&top), Best(equal, 10));
  }
}

TEST(TopCodesTest, ThresholdRisesAsScoresCome) {
  const std::vector<Scored> all = RandomScored(20000, 5000);
  TopCodes top;
  top.Reset(20, 0);
  EXPECT_EQ(top.threshold(), 0);
  for (size_t begin = 0; begin < all.size(); begin += 500) Give(all, begin, begin + 500, &top);
  // Of 20,000 the best 20: but for what has come since it was raised last.
  EXPECT_GT(top.threshold(), 4900);
  EXPECT_LE(top.threshold(), 4998);
}

// As soon as there are a quarter more than are kept, and 32.
TEST(TopCodesTest, ThresholdRisesOnceThereAreEnough) {
  for (const auto& [keep, enough] :
       {std::pair(20, 32), std::pair(25, 32), std::pair(26, 33), std::pair(400, 501)}) {
    const std::vector<Scored> all = RandomScored(enough, 60000);
    TopCodes top;
    top.Reset(keep, 0);
    for (int i = 0; i < enough; ++i) {
      EXPECT_EQ(top.threshold(), 0) << keep << " kept, " << i << " given";
      Give(all, i, i + 1, &top);
    }
    EXPECT_GT(top.threshold(), 0) << keep << " kept";
  }
}

// Equal scores cannot raise the threshold; they must not fill the memory either.
TEST(TopCodesTest, RoomForEqualScoresIsBounded) {
  TopCodes top;
  top.Reset(10, 0);
  const std::vector<uint16_t> places = [] {
    std::vector<uint16_t> numbers;
    for (int i = 0; i < 512; ++i) numbers.push_back(static_cast<uint16_t>(i));
    return numbers;
  }();
  uintptr_t first = 0;
  for (uint32_t i = 0; i < 1000; ++i) {
    uint16_t* const to = top.Reserve(512);
    const uintptr_t at = reinterpret_cast<uintptr_t>(to);
    if (i == 100) first = at;
    std::fill(to, to + 512, uint16_t{50});
    const std::vector<uint32_t> shifts(kLut16MaxGroups, 512 * i);
    top.Commit(places.data(), 512, shifts.data());
    if (first == 0) continue;
    EXPECT_LT(std::max(at, first) - std::min(at, first), 8192u);
  }
  EXPECT_EQ(Finish(&top), (std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

}  // namespace
}  // namespace tfscann::testing
