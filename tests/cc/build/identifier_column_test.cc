#include "cc/build/identifier_column.h"

#include <string>

#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

// Rows found by these bytes, ascending as they were added.
std::vector<int64_t> RowsOf(const IdentifierColumn& column, Span<const int32_t> slots,
                            std::string_view bytes) {
  const Identifiers identifiers(column.type(), column.values(), column.offsets(), slots);
  std::vector<int64_t> rows;
  identifiers.FindRows(bytes, [&](int64_t row) { rows.push_back(row); });
  return rows;
}

TEST(IdentifierColumnTest, HasNoneUnlessGivenAType) {
  EXPECT_EQ(IdentifierColumn().type(), IdentifierType::kRowNumber);
  EXPECT_EQ(IdentifierColumn().size(), 0);
}

TEST(IdentifierColumnTest, FindsStringsOfAnyBytes) {
  const std::vector<std::string> names = {"a", "", std::string("a\0b", 3), "a", "\xff\xfe", "aa"};
  IdentifierColumn column(IdentifierType::kString);
  for (const std::string& name : names) column.Append(name);
  EXPECT_EQ(column.size(), 6);
  std::vector<int32_t> slots(NumIdentifierSlots(6));
  EXPECT_EQ(column.FillSlots(slots), 1);
  EXPECT_EQ(RowsOf(column, slots, "a"), (std::vector<int64_t>{0, 3}));
  EXPECT_EQ(RowsOf(column, slots, ""), std::vector<int64_t>{1});
  EXPECT_EQ(RowsOf(column, slots, names[2]), std::vector<int64_t>{2});
  EXPECT_EQ(RowsOf(column, slots, "\xff\xfe"), std::vector<int64_t>{4});
  EXPECT_TRUE(RowsOf(column, slots, "b").empty());
}

TEST(IdentifierColumnTest, NumbersComeManyAtATime) {
  std::vector<int64_t> values(1000);
  for (int64_t i = 0; i < 1000; ++i) values[i] = (i % 900) * 1000003;
  IdentifierColumn column(IdentifierType::kInt64);
  const char* bytes = reinterpret_cast<const char*>(values.data());
  column.Append({bytes, 8 * 400});
  column.Append({bytes + 8 * 400, 8 * 600});
  EXPECT_EQ(column.size(), 1000);
  std::vector<int32_t> slots(NumIdentifierSlots(1000));
  EXPECT_EQ(column.FillSlots(slots), 100);
  for (int64_t i = 0; i < 900; ++i) {
    const std::vector<int64_t> rows = RowsOf(column, slots, {bytes + 8 * i, 8});
    EXPECT_EQ(rows, i < 100 ? (std::vector<int64_t>{i, i + 900}) : std::vector<int64_t>{i});
  }
}

TEST(IdentifierColumnTest, AllAlikeAreAllFound) {
  IdentifierColumn column(IdentifierType::kString);
  for (int i = 0; i < 50; ++i) column.Append("same");
  std::vector<int32_t> slots(NumIdentifierSlots(50));
  EXPECT_EQ(column.FillSlots(slots), 49);
  EXPECT_EQ(RowsOf(column, slots, "same").size(), 50u);
}

}  // namespace
}  // namespace tfscann::testing
