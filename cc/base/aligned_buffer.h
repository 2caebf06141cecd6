// Growable memory aligned to a cache line, for data that kernels read with full-width loads.
// Growing does not keep the contents; shrinking never frees. Standard library only.
#ifndef TFSCANN_BASE_ALIGNED_BUFFER_H_
#define TFSCANN_BASE_ALIGNED_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "cc/base/matrix_view.h"

namespace tfscann {

inline constexpr size_t kCacheLine = 64;

constexpr int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}
constexpr int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <typename T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t size) { Resize(size); }
  AlignedBuffer(AlignedBuffer&& other) noexcept { swap(other); }
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~AlignedBuffer() { ::operator delete[](data_, std::align_val_t(kCacheLine)); }

  // Makes room for `size` elements. The contents are unspecified if the buffer had to grow.
  T* Resize(size_t size) {
    if (size > capacity_) {
      const size_t bytes = BytesFor(size);
      Replace(::operator new[](bytes, std::align_val_t(kCacheLine)), bytes);
    }
    size_ = size;
    return data_;
  }
  // The same, for sizes that files say: false, and nothing changes, if there is no memory.
  bool TryResize(size_t size) {
    if (size > capacity_) {
      const size_t bytes = BytesFor(size);
      void* const data = ::operator new[](bytes, std::align_val_t(kCacheLine), std::nothrow);
      if (data == nullptr) return false;
      Replace(data, bytes);
    }
    size_ = size;
    return true;
  }
  void Zero() {
    if (size_ > 0) std::memset(data_, 0, size_ * sizeof(T));
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  operator Span<const T>() const { return {data_, size_}; }

  void swap(AlignedBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  static size_t BytesFor(size_t size) { return RoundUp(size * sizeof(T), kCacheLine); }
  void Replace(void* data, size_t bytes) {
    AlignedBuffer replaced;
    swap(replaced);
    data_ = static_cast<T*>(data);
    capacity_ = bytes / sizeof(T);
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace tfscann

#endif  // TFSCANN_BASE_ALIGNED_BUFFER_H_
