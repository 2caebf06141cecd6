#include "cc/build/leaves.h"

#include <set>

#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

TEST(ArrangeLeavesTest, RowsAscendInTheirLeavesAndGroupsArePadded) {
  const std::vector<int32_t> leaf_of_row = {2, 0, 2, 2, 0};
  const Leaves leaves = ArrangeLeaves({&leaf_of_row}, 4);
  EXPECT_EQ(leaves.size(), 4);
  EXPECT_EQ(leaves.sizes, (std::vector<uint32_t>{2, 0, 3, 0}));
  EXPECT_EQ(leaves.first_groups, (std::vector<uint32_t>{0, 1, 1, 2, 2}));
  std::vector<int32_t> expected(64, -1);
  expected[0] = 1;
  expected[1] = 4;
  expected[32] = 0;
  expected[33] = 2;
  expected[34] = 3;
  EXPECT_EQ(leaves.position_rows, expected);
  EXPECT_EQ(leaves.RowsOf(2).data(), leaves.position_rows.data() + 32);
  EXPECT_EQ(leaves.PositionOf(0, 4), 1);
  EXPECT_EQ(leaves.PositionOf(2, 3), 34);
}

TEST(ArrangeLeavesTest, EveryRowStandsInItsLeafOfEachAssignment) {
  const int32_t num_rows = 500, num_leaves = 7;
  std::vector<int32_t> first(num_rows), second(num_rows);
  for (int32_t row = 0; row < num_rows; ++row) {
    first[row] = row * row % num_leaves;
    second[row] = (first[row] + 1 + row % (num_leaves - 1)) % num_leaves;
  }
  const Leaves leaves = ArrangeLeaves({&first, &second}, num_leaves);
  std::multiset<std::pair<int32_t, int32_t>> expected, found;
  for (int32_t row = 0; row < num_rows; ++row) {
    expected.insert({first[row], row});
    expected.insert({second[row], row});
  }
  for (int32_t leaf = 0; leaf < num_leaves; ++leaf) {
    const Span<const int32_t> rows = leaves.RowsOf(leaf);
    EXPECT_EQ(leaves.first_groups[leaf + 1] - leaves.first_groups[leaf],
              (leaves.sizes[leaf] + 31) / 32);
    for (uint32_t i = 0; i < leaves.sizes[leaf]; ++i) {
      found.insert({leaf, rows[i]});
      if (i > 0) {
        EXPECT_LT(rows[i - 1], rows[i]);
      }
    }
  }
  EXPECT_EQ(found, expected);
  EXPECT_EQ(leaves.num_groups() * 32, static_cast<int64_t>(leaves.position_rows.size()));
}

}  // namespace
}  // namespace tfscann::testing
