#include "cc/search/identifiers.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

// Part of the file format: files of earlier versions must stay searchable by identifier.
TEST(HashIdentifierTest, IsWhatItAlwaysWas) {
  EXPECT_EQ(HashIdentifier(""), 17665956581633026203u);
  EXPECT_EQ(HashIdentifier("movie 1"), 8708097793250034608u);
  EXPECT_EQ(HashIdentifier(std::string_view("\xff\0\x80", 3)), 4062339162462005237u);
}

TEST(FirstIdentifierSlotTest, IsInRangeAndSpread) {
  std::set<int64_t> slots;
  for (int i = 0; i < 1000; ++i) {
    const int64_t slot = FirstIdentifierSlot("id" + std::to_string(i), 10000);
    EXPECT_GE(slot, 0);
    EXPECT_LT(slot, 10000);
    slots.insert(slot);
  }
  // Of 1,000 balls in 10,000 urns some 950 have an urn of their own.
  EXPECT_GT(slots.size(), 920u);
  EXPECT_EQ(FirstIdentifierSlot("any", 1), 0);
}

TEST(IdentifiersTest, SizesAreThoseOfTheTypes) {
  EXPECT_EQ(IdentifierBytes(IdentifierType::kRowNumber), 0);
  EXPECT_EQ(IdentifierBytes(IdentifierType::kInt32), 4);
  EXPECT_EQ(IdentifierBytes(IdentifierType::kInt64), 8);
  EXPECT_EQ(IdentifierBytes(IdentifierType::kFloat32), 4);
  EXPECT_EQ(IdentifierBytes(IdentifierType::kFloat64), 8);
  EXPECT_EQ(IdentifierBytes(IdentifierType::kString), 0);
  for (int64_t n = 1; n < 100; ++n) EXPECT_GT(NumIdentifierSlots(n), n);
}

// A table that is full (a damaged file may have one) must not be walked for ever.
TEST(IdentifiersTest, LookingForWhatIsNotThereEnds) {
  const std::string values = "ab";
  const std::vector<uint64_t> offsets = {0, 1, 2};
  const std::vector<int32_t> slots = {0, 1, 0, 1};
  const Identifiers identifiers(IdentifierType::kString, {values.data(), 2}, offsets, slots);
  identifiers.FindRows("c", [](int64_t) { ADD_FAILURE(); });
  EXPECT_EQ(identifiers.Bytes(1), "b");
}

}  // namespace
}  // namespace tfscann::testing
