#include "cc/search/top_k.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "cc/base/random.h"
#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

TEST(OrderedBitsTest, OrderIsThatOfFloats) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float denormal = std::numeric_limits<float>::denorm_min();
  const std::vector<float> ascending = {-infinity, -1e38f, -1.0f, -denormal, 0.0f,
                                        denormal,  1e-20f, 1.0f,  1e38f,     infinity};
  for (const float value : ascending) EXPECT_EQ(FromOrderedBits(OrderedBits(value)), value);
  for (size_t i = 1; i < ascending.size(); ++i) {
    EXPECT_LT(OrderedBits(ascending[i - 1]), OrderedBits(ascending[i]));
  }
  EXPECT_EQ(OrderedBits(-0.0f), OrderedBits(0.0f));
}

TEST(MakeKeyTest, LargerScoresAndThenLowerItemsAreLarger) {
  EXPECT_GT(MakeKey(2.0f, 9), MakeKey(1.0f, 1));
  EXPECT_GT(MakeKey(1.0f, 1), MakeKey(1.0f, 2));
  EXPECT_EQ(KeyItem(MakeKey(1.0f, 0xfffffff0u)), 0xfffffff0u);
  EXPECT_EQ(FromOrderedBits(KeyScore(MakeKey(-3.5f, 7))), -3.5f);
}

// The best `keep` of the keys, by sorting them all.
std::vector<ScoredKey> Best(std::vector<ScoredKey> keys, size_t keep) {
  std::sort(keys.begin(), keys.end(), std::greater<ScoredKey>());
  keys.resize(std::min(keys.size(), keep));
  return keys;
}

std::vector<ScoredKey> RandomKeys(size_t count, uint64_t num_scores) {
  Random random(count, 0, 0);
  std::vector<ScoredKey> keys;
  for (size_t i = 0; i < count; ++i) {
    keys.push_back(MakeKey(static_cast<uint32_t>(random.Below(num_scores)), i));
  }
  return keys;
}

TEST(TopKeysTest, KeepsTheBestOfAnyStream) {
  TopKeys top;
  for (const size_t count : {0, 1, 2, 63, 64, 65, 300, 5000}) {
    for (const size_t keep : {1, 2, 10, 64, 400}) {
      const std::vector<ScoredKey> keys = RandomKeys(count, 50);
      top.Reset(static_cast<int64_t>(keep));
      for (const ScoredKey key : keys) {
        if (KeyScore(key) >= top.threshold()) top.Add(key);
      }
      const Span<ScoredKey> best = top.FinishSorted();
      EXPECT_EQ(std::vector<ScoredKey>(best.begin(), best.end()), Best(keys, keep));
    }
  }
}

TEST(TopKeysTest, OrderOfArrivalDoesNotMatter) {
  std::vector<ScoredKey> keys = RandomKeys(1000, 20);
  const std::vector<ScoredKey> expected = Best(keys, 37);
  TopKeys top;
  for (int order = 0; order < 3; ++order) {
    if (order == 1) std::sort(keys.begin(), keys.end());
    if (order == 2) std::reverse(keys.begin(), keys.end());
    top.Reset(37);
    for (const ScoredKey key : keys) top.Add(key);
    const Span<ScoredKey> best = top.FinishSorted();
    EXPECT_EQ(std::vector<ScoredKey>(best.begin(), best.end()), expected);
  }
}

TEST(TopKeysTest, SortsOnlyTheBestIfSoAsked) {
  const std::vector<ScoredKey> keys = RandomKeys(1000, 20);
  const std::vector<ScoredKey> expected = Best(keys, 37);
  for (const int64_t sorted : {1, 16, 36, 37, 100}) {
    TopKeys top;
    top.Reset(37);
    for (const ScoredKey key : keys) top.Add(key);
    const Span<ScoredKey> best = top.FinishSorted(sorted);
    ASSERT_EQ(best.size(), 37u);
    EXPECT_TRUE(
        std::equal(best.begin(), best.begin() + std::min<int64_t>(sorted, 37), expected.begin()));
    EXPECT_TRUE(std::is_permutation(best.begin(), best.end(), expected.begin()));
  }
}

TEST(TopKeysTest, TakesKeysInBulk) {
  const std::vector<ScoredKey> keys = RandomKeys(4096, 1000);
  TopKeys top;
  top.Reset(20);
  for (size_t begin = 0; begin < keys.size(); begin += 512) {
    std::copy_n(keys.begin() + begin, 512, top.Reserve(1024));
    top.Commit(512);
  }
  Span<ScoredKey> best = top.Finish();
  EXPECT_EQ(Best({best.begin(), best.end()}, 20), Best(keys, 20));
  EXPECT_EQ(top.size(), 20);
  EXPECT_EQ(top.threshold(), KeyScore(Best(keys, 20).back()));
}

}  // namespace
}  // namespace tfscann::testing
