#include "cc/search/row_set.h"

#include <limits>
#include <set>

#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

TEST(RowSetTest, HoldsWhatWasInserted) {
  RowSet set;
  for (const int64_t count : {0, 1, 8, 9, 1000}) {
    set.Reset(count);
    EXPECT_TRUE(set.empty());
    std::set<int32_t> expected;
    Random random(1, 0, 0);
    for (int64_t i = 0; i < count; ++i) {
      // Rows come more than once.
      const int32_t row = static_cast<int32_t>(random.Below(static_cast<uint64_t>(count)));
      EXPECT_EQ(set.Insert(row), expected.insert(row).second);
    }
    EXPECT_EQ(set.size(), static_cast<int64_t>(expected.size()));
    for (int32_t row = 0; row < 2 * count + 2; ++row) {
      EXPECT_EQ(set.Contains(row), expected.count(row) == 1);
    }
  }
}

TEST(RowSetTest, IsEmptyBeforeTheFirstReset) {
  const RowSet set;
  EXPECT_TRUE(set.empty());
  EXPECT_FALSE(set.Contains(0));
}

TEST(RowSetTest, TakesTheLargestRow) {
  RowSet set;
  set.Reset(2);
  const int32_t largest = std::numeric_limits<int32_t>::max();
  EXPECT_TRUE(set.Insert(largest));
  EXPECT_TRUE(set.Contains(largest));
  EXPECT_FALSE(set.Contains(largest - 1));
}

TEST(RowSetTest, ASecondInsertionIsNoticed) {
  RowSet set;
  set.Reset(100);
  for (int32_t row = 0; row < 100; ++row) {
    EXPECT_TRUE(set.Insert(7 * row));
    EXPECT_FALSE(set.Insert(7 * row));
  }
}

}  // namespace
}  // namespace tfscann::testing
