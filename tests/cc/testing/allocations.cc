#include "tests/cc/testing/allocations.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>

namespace tfscann::testing {
namespace {

std::atomic<int64_t> made{0};
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
std::atomic<int64_t> first_failing{kNever}, num_failing{0};

void* Allocate(std::size_t size, std::size_t alignment) {
  const int64_t since = made++ - first_failing;
  if (since >= 0 && since < num_failing) return nullptr;
  void* memory = nullptr;
  if (posix_memalign(&memory, std::max(alignment, sizeof(void*)), size) != 0) std::abort();
  return memory;
}

void* MustAllocate(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
  void* const memory = Allocate(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

int64_t Allocations() { return made; }

void FailAllocations(int64_t next, int64_t count) {
  num_failing = count;
  first_failing = made + next;
}

bool StopFailingAllocations() { return first_failing.exchange(kNever) < made; }

}  // namespace tfscann::testing

using tfscann::testing::Allocate;
using tfscann::testing::MustAllocate;

void* operator new(std::size_t size) { return MustAllocate(size); }
void* operator new[](std::size_t size) { return MustAllocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return MustAllocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return MustAllocate(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return Allocate(size, alignof(std::max_align_t));
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return Allocate(size, alignof(std::max_align_t));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return Allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
