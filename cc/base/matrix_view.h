// Non-owning views of contiguous memory: Span (one dimension) and MatrixView (rows x cols,
// row-major, `stride` elements from one row to the next). Standard library only.
#ifndef TFSCANN_BASE_MATRIX_VIEW_H_
#define TFSCANN_BASE_MATRIX_VIEW_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace tfscann {

template <typename T>
class Span {
 public:
  Span() = default;
  Span(T* data, size_t size) : data_(data), size_(size) {}
  // A span of const elements views a const container, a span of mutable ones a mutable one.
  Span(std::conditional_t<std::is_const_v<T>, const std::vector<std::remove_const_t<T>>,
                          std::vector<std::remove_const_t<T>>>& values)  // NOLINT: implicit
      : data_(values.data()), size_(values.size()) {}

  operator Span<const T>() const { return {data_, size_}; }

  T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) const {
    assert(i < size_);
    return data_[i];
  }
  T* begin() const { return data_; }
  T* end() const { return data_ + size_; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

template <typename T>
class MatrixView {
 public:
  MatrixView() = default;
  MatrixView(T* data, int64_t rows, int64_t cols, int64_t stride)
      : data_(data), rows_(rows), cols_(cols), stride_(stride) {}
  MatrixView(T* data, int64_t rows, int64_t cols) : MatrixView(data, rows, cols, cols) {}

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  int64_t stride() const { return stride_; }
  T* data() const { return data_; }
  T* row(int64_t i) const {
    assert(i >= 0 && i < rows_);
    return data_ + i * stride_;
  }
  MatrixView Rows(int64_t begin, int64_t count) const {
    assert(begin >= 0 && begin + count <= rows_);
    return MatrixView(data_ + begin * stride_, count, cols_, stride_);
  }
  operator MatrixView<const T>() const { return {data_, rows_, cols_, stride_}; }

 private:
  T* data_ = nullptr;
  int64_t rows_ = 0;
  int64_t cols_ = 0;
  int64_t stride_ = 0;
};

}  // namespace tfscann

#endif  // TFSCANN_BASE_MATRIX_VIEW_H_
