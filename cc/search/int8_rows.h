// Vectors as bytes with a scale each: x is about scale * values. The form of centroids and of the
// rows for reordering. Also the form of a query when it meets them.
//
// A stored row is its values, padded to a multiple of 4 bytes, then float32 scale and float32
// squared norm of (scale * values). Behind that there may be room up to the next row.
#ifndef TFSCANN_SEARCH_INT8_ROWS_H_
#define TFSCANN_SEARCH_INT8_ROWS_H_

#include <cstdint>
#include <cstring>

#include "cc/base/aligned_buffer.h"
#include "cc/base/finite.h"
#include "cc/base/matrix_view.h"
#include "cc/kernels/kernels.h"

namespace tfscann {

// Bytes of a row.
constexpr int64_t Int8RowBytes(int64_t dims) { return RoundUp(dims, 4) + 8; }

// Bytes from row to row where rows are fetched here and there: whole cache lines, if that costs
// less than a fifth more memory and saves most rows a line. 100 dimensions are 108 bytes, which
// stand in two or three lines; with a stride of 128 in two. On the GloVe set that is an eighth of
// the time that rows take.
constexpr int64_t GatheredInt8RowStride(int64_t dims) {
  constexpr int64_t kMostRoom = 20;
  const int64_t bytes = Int8RowBytes(dims), room = RoundUp(bytes, kCacheLine) - bytes;
  return bytes + (room <= kMostRoom && 5 * room <= bytes ? room : 0);
}

// The scale of x, and its values; zeros up to `padded_dims`. See Kernels::quantize_int8.
inline float QuantizeInt8(const float* x, int64_t dims, int64_t padded_dims, int8_t* values) {
  std::memset(values + dims, 0, static_cast<size_t>(padded_dims - dims));
  return ActiveKernels().quantize_int8(x, dims, values);
}

class Int8Rows {
 public:
  Int8Rows() = default;
  // Rows without room between them.
  Int8Rows(const int8_t* data, int64_t dims) : Int8Rows(data, dims, Int8RowBytes(dims)) {}
  Int8Rows(const int8_t* data, int64_t dims, int64_t stride)
      : data_(data), dims_(dims), stride_(stride) {}

  int64_t stride() const { return stride_; }
  const int8_t* row(int64_t i) const { return data_ + i * stride_; }
  float scale(int64_t i) const { return Trailer(i, 8); }
  float squared_norm(int64_t i) const { return Trailer(i, 4); }

  // Writes row i as floats.
  void Dequantize(int64_t i, float* out) const {
    const float row_scale = scale(i);
    for (int64_t dim = 0; dim < dims_; ++dim) out[dim] = row_scale * row(i)[dim];
  }

  // Writes the stored form of x, Int8RowBytes(dims) bytes.
  static void Encode(const float* x, int64_t dims, int8_t* out) {
    const int64_t padded = RoundUp(dims, 4);
    const float scale = QuantizeInt8(x, dims, padded, out);
    double sum = 0;
    for (int64_t i = 0; i < dims; ++i) sum += static_cast<double>(out[i]) * out[i];
    const float squared_norm = ToFiniteFloat(sum * scale * scale);
    std::memcpy(out + padded, &scale, 4);
    std::memcpy(out + padded + 4, &squared_norm, 4);
  }

 private:
  float Trailer(int64_t i, int64_t from_end) const {
    float value;
    std::memcpy(&value, row(i) + Int8RowBytes(dims_) - from_end, sizeof(value));
    return value;
  }

  const int8_t* data_ = nullptr;
  int64_t dims_ = 0;
  int64_t stride_ = 0;
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_INT8_ROWS_H_
