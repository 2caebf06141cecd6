#include "cc/search/top_codes.h"

#include <algorithm>
#include <vector>

#include "cc/base/random.h"
#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

constexpr uint32_t kLowest = (1u << 30) - 700;

// The best `keep` of the keys, by sorting them all.
std::vector<ScoredKey> Best(std::vector<ScoredKey> keys, size_t keep) {
  std::sort(keys.begin(), keys.end(), std::greater<ScoredKey>());
  keys.resize(std::min(keys.size(), keep));
  return keys;
}

std::vector<ScoredKey> RandomKeys(size_t count, uint64_t num_scores) {
  Random random(count, num_scores, 0);
  std::vector<ScoredKey> keys;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t score = kLowest + static_cast<uint32_t>(random.Below(num_scores));
    keys.push_back(MakeKey(score, static_cast<uint32_t>(i)));
  }
  return keys;
}

// What is kept of keys that come in lots, those below the threshold being left out.
std::vector<ScoredKey> Keep(const std::vector<ScoredKey>& keys, size_t keep, uint32_t highest,
                            size_t lot, TopCodes* top) {
  top->Reset(static_cast<int64_t>(keep), kLowest, highest);
  for (size_t begin = 0; begin < keys.size(); begin += lot) {
    const uint32_t threshold = top->threshold();
    ScoredKey* const to = top->Reserve(static_cast<int64_t>(lot));
    int64_t count = 0;
    for (size_t i = begin; i < std::min(begin + lot, keys.size()); ++i) {
      if (KeyScore(keys[i]) >= threshold) to[count++] = keys[i];
    }
    top->Commit(count);
  }
  const Span<ScoredKey> best = top->Finish();
  std::vector<ScoredKey> kept(best.begin(), best.end());
  std::sort(kept.begin(), kept.end(), std::greater<ScoredKey>());
  return kept;
}

TEST(TopCodesTest, KeepsTheBestOfAnyStream) {
  TopCodes top;
  for (const size_t count : {0, 1, 2, 300, 20000}) {
    // One score, ties, a bin each, many scores to a bin, the whole range of keys.
    for (const uint64_t num_scores : {1ull, 50ull, 1024ull, 100000ull, 1ull << 31}) {
      const std::vector<ScoredKey> keys = RandomKeys(count, num_scores);
      const uint32_t highest = kLowest + static_cast<uint32_t>(num_scores - 1);
      for (const size_t keep : {1, 10, 400, 30000}) {
        EXPECT_EQ(Keep(keys, keep, highest, 512, &top), Best(keys, keep))
            << count << " keys of " << num_scores << " scores, " << keep << " kept";
      }
    }
  }
}

TEST(TopCodesTest, OrderOfArrivalDoesNotMatter) {
  std::vector<ScoredKey> keys = RandomKeys(9000, 300);
  const std::vector<ScoredKey> expected = Best(keys, 37);
  TopCodes top;
  for (const bool ascending : {true, false}) {
    std::sort(keys.begin(), keys.end());
    if (!ascending) std::reverse(keys.begin(), keys.end());
    for (const size_t lot : {1, 7, 9000}) {
      EXPECT_EQ(Keep(keys, 37, kLowest + 299, lot, &top), expected);
    }
  }
}

TEST(TopCodesTest, ThresholdRisesAsKeysCome) {
  TopCodes top;
  top.Reset(2, kLowest, kLowest + 99);
  EXPECT_EQ(top.threshold(), kLowest);
  for (const uint32_t score : {10, 20, 30, 40}) {
    *top.Reserve(1) = MakeKey(kLowest + score, score);
    top.Commit(1);
  }
  EXPECT_EQ(top.threshold(), kLowest + 30);
}

// Equal keys cannot raise the threshold; they must not fill the memory either.
TEST(TopCodesTest, RoomForEqualScoresIsBounded) {
  TopCodes top;
  top.Reset(10, kLowest, kLowest + 99);
  const ScoredKey* first = nullptr;
  for (uint32_t i = 0; i < 1000; ++i) {
    ScoredKey* const to = top.Reserve(512);
    if (i == 100) first = to;
    for (uint32_t j = 0; j < 512; ++j) to[j] = MakeKey(kLowest + 50, 512 * i + j);
    top.Commit(512);
    if (first != nullptr) EXPECT_LT(std::abs(to - first), 4096);
  }
  Span<ScoredKey> best = top.Finish();
  std::sort(best.begin(), best.end(), std::greater<ScoredKey>());
  ASSERT_EQ(best.size(), 10u);
  for (uint32_t i = 0; i < 10; ++i) EXPECT_EQ(best.data()[i], MakeKey(kLowest + 50, i));
}

}  // namespace
}  // namespace tfscann::testing
