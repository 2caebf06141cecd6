#include "cc/base/aligned_buffer.h"

#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

TEST(RoundUpTest, GivesTheNextMultiple) {
  EXPECT_EQ(RoundUp(0, 16), 0);
  EXPECT_EQ(RoundUp(1, 16), 16);
  EXPECT_EQ(RoundUp(16, 16), 16);
  EXPECT_EQ(RoundUp(17, 16), 32);
}

TEST(CeilDivTest, RoundsUp) {
  EXPECT_EQ(CeilDiv(0, 3), 0);
  EXPECT_EQ(CeilDiv(1, 3), 1);
  EXPECT_EQ(CeilDiv(3, 3), 1);
  EXPECT_EQ(CeilDiv(4, 3), 2);
}

TEST(AlignedBufferTest, IsAlignedToACacheLineAtEverySize) {
  for (size_t size = 1; size < 200; ++size) {
    AlignedBuffer<char> buffer(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % kCacheLine, 0u);
    EXPECT_EQ(buffer.size(), size);
  }
}

TEST(AlignedBufferTest, ShrinkingKeepsMemoryAndGrowingBackNeedsNoMore) {
  AlignedBuffer<int> buffer(1000);
  int* const data = buffer.data();
  buffer[0] = 7;
  buffer.Resize(10);
  EXPECT_EQ(buffer.size(), 10u);
  buffer.Resize(1000);
  EXPECT_EQ(buffer.data(), data);
  EXPECT_EQ(buffer[0], 7);
}

TEST(AlignedBufferTest, TryResizeDoesWhatResizeDoes) {
  AlignedBuffer<float> buffer(10);
  const float* const first = buffer.data();
  ASSERT_TRUE(buffer.TryResize(16));
  EXPECT_EQ(buffer.data(), first);
  ASSERT_TRUE(buffer.TryResize(1000));
  EXPECT_EQ(buffer.size(), 1000);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % kCacheLine, 0);
  buffer.Zero();
  EXPECT_EQ(buffer[999], 0.0f);
}

TEST(AlignedBufferTest, ZeroClearsAllValues) {
  AlignedBuffer<int> buffer(100);
  for (size_t i = 0; i < buffer.size(); ++i) buffer[i] = -1;
  buffer.Zero();
  for (const int value : Span<const int>(buffer)) EXPECT_EQ(value, 0);
  AlignedBuffer<int>().Zero();
}

TEST(AlignedBufferTest, MovesTakeTheMemory) {
  AlignedBuffer<int> from(3);
  from[2] = 5;
  const int* const data = from.data();
  AlignedBuffer<int> to(std::move(from));
  EXPECT_EQ(to.data(), data);
  AlignedBuffer<int> assigned(8);
  assigned = std::move(to);
  EXPECT_EQ(assigned.data(), data);
  EXPECT_EQ(assigned.size(), 3u);
  EXPECT_EQ(assigned[2], 5);
}

}  // namespace
}  // namespace tfscann::testing
