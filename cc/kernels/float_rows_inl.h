// Float kernels over rows: scores, products, finite values.
// Part of float_inl.h, which says what may stand here.

namespace tfscann {
namespace TFSCANN_TARGET_NAMESPACE {

struct Dot {
  TFSCANN_INLINE F32x16 Add(F32x16 sum, F32x16 q, F32x16 x) { return MultiplyAdd(sum, q, x); }
};
struct SquaredL2 {
  TFSCANN_INLINE F32x16 Add(F32x16 sum, F32x16 q, F32x16 x) {
    const F32x16 difference = q - x;
    return MultiplyAdd(sum, difference, difference);
  }
};

// The values of the last step, of which `count` are left: the last 16 of the row without those that
// were before, so that nothing is read behind its end, which may stand in a cache line that nobody
// asked for. Rows of less than 16 are read beyond.
TFSCANN_INLINE F32x16 LoadLast(const float* row, int64_t dims, int64_t count) {
  if (dims < 16) return FirstLanes(Load(row), count);
  return LastLanes(Load(row + dims - 16), count);
}

// Scores a tile of kQueries x kRows pairs.
template <typename Measure, int kQueries, int kRows>
TFSCANN_INLINE void ScoreTile(const float* queries, int64_t query_stride, const float* rows,
                              int64_t row_stride, int64_t dims, float* out, int64_t out_stride) {
  F32x16 sums[kQueries][kRows];
  TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
    TFSCANN_UNROLL for (int r = 0; r < kRows; ++r) sums[q][r] = Broadcast(0);
  }
  int64_t dim = 0;
  for (; dim + 16 <= dims; dim += 16) {
    TFSCANN_UNROLL for (int r = 0; r < kRows; ++r) {
      const F32x16 x = Load(rows + r * row_stride + dim);
      TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
        sums[q][r] = Measure::Add(sums[q][r], Load(queries + q * query_stride + dim), x);
      }
    }
  }
  if (dim < dims) {
    TFSCANN_UNROLL for (int r = 0; r < kRows; ++r) {
      const F32x16 x = LoadLast(rows + r * row_stride, dims, dims - dim);
      TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
        const F32x16 values = LoadLast(queries + q * query_stride, dims, dims - dim);
        sums[q][r] = Measure::Add(sums[q][r], values, x);
      }
    }
  }
  TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
    TFSCANN_UNROLL for (int r = 0; r < kRows; ++r) out[q * out_stride + r] = Sum(sums[q][r]);
  }
}

template <typename Measure>
static void ScoreRows(const float* queries, int64_t query_stride, int64_t num_queries,
                      const float* rows, int64_t row_stride, int64_t num_rows, int64_t dims,
                      float* out, int64_t out_stride) {
  int64_t q = 0;
  for (; q + 3 <= num_queries; q += 3) {
    const float* query = queries + q * query_stride;
    float* query_out = out + q * out_stride;
    int64_t r = 0;
    for (; r + 2 <= num_rows; r += 2) {
      ScoreTile<Measure, 3, 2>(query, query_stride, rows + r * row_stride, row_stride, dims,
                               query_out + r, out_stride);
    }
    if (r < num_rows) {
      ScoreTile<Measure, 3, 1>(query, query_stride, rows + r * row_stride, row_stride, dims,
                               query_out + r, out_stride);
    }
  }
  for (; q < num_queries; ++q) {
    const float* query = queries + q * query_stride;
    float* query_out = out + q * out_stride;
    int64_t r = 0;
    for (; r + 4 <= num_rows; r += 4) {
      ScoreTile<Measure, 1, 4>(query, query_stride, rows + r * row_stride, row_stride, dims,
                               query_out + r, out_stride);
    }
    for (; r < num_rows; ++r) {
      ScoreTile<Measure, 1, 1>(query, query_stride, rows + r * row_stride, row_stride, dims,
                               query_out + r, out_stride);
    }
  }
}

// Row by row, in as few instructions as it takes: rows come from memory, and the fewer there are
// between the loads of one row and of the next the more rows a processor has on their way. Lanes
// are added up when all rows have been read.
template <typename Measure>
static void ScoreGathered(const float* query, const float* matrix, const int32_t* rows,
                          int64_t num_rows, int64_t dims, float* out) {
  constexpr int64_t kRows = 16;
  const int64_t steps_end = dims / 16 * 16;
  const F32x16 last = LoadLast(query, dims, dims - steps_end);
  for (int64_t begin = 0; begin < num_rows; begin += kRows) {
    const int64_t count = num_rows - begin < kRows ? num_rows - begin : kRows;
    F32x16 sums[kRows];
    for (int64_t r = 0; r < count; ++r) {
      const float* const row = matrix + rows[begin + r] * dims;
      F32x16 sum = Broadcast(0);
      _Pragma("GCC unroll 4") for (int64_t dim = 0; dim < steps_end; dim += 16) {
        sum = Measure::Add(sum, Load(query + dim), Load(row + dim));
      }
      if (steps_end < dims) sum = Measure::Add(sum, last, LoadLast(row, dims, dims - steps_end));
      sums[r] = sum;
    }
    for (int64_t r = 0; r < count; ++r) out[begin + r] = Sum(sums[r]);
  }
}

// sums[r] += rows[r] . the 16 columns at `packed`, one dimension after the other.
template <int kRows>
TFSCANN_INLINE void AddProducts(const float* rows, int64_t row_stride, const float* packed,
                                int64_t dims, F32x16* sums) {
  for (int64_t dim = 0; dim < dims; ++dim) {
    const F32x16 column = Load(packed + dim * 16);
    TFSCANN_UNROLL for (int r = 0; r < kRows; ++r) {
      sums[r] = MultiplyAdd(sums[r], Broadcast(rows[r * row_stride + dim]), column);
    }
  }
}

template <int kRows>
TFSCANN_INLINE void MultiplyTile(const float* rows, int64_t row_stride, const float* packed,
                                 const float* bias, int64_t dims, float* out, int64_t out_stride) {
  F32x16 sums[kRows];
  TFSCANN_UNROLL for (int r = 0; r < kRows; ++r) sums[r] = Load(bias);
  AddProducts<kRows>(rows, row_stride, packed, dims, sums);
  TFSCANN_UNROLL for (int r = 0; r < kRows; ++r) Store(out + r * out_stride, sums[r]);
}

static void MultiplyPacked(const float* rows, int64_t row_stride, int64_t num_rows,
                           const float* packed, const float* bias, int64_t num_columns,
                           int64_t dims, float* out, int64_t out_stride) {
  for (int64_t column = 0; column < num_columns; column += 16) {
    const float* block = packed + column * dims;
    int64_t r = 0;
    for (; r + kMultiplyRows <= num_rows; r += kMultiplyRows) {
      MultiplyTile<kMultiplyRows>(rows + r * row_stride, row_stride, block, bias + column, dims,
                                  out + r * out_stride + column, out_stride);
    }
    for (; r < num_rows; ++r) {
      MultiplyTile<1>(rows + r * row_stride, row_stride, block, bias + column, dims,
                      out + r * out_stride + column, out_stride);
    }
  }
}

// Adds to counts[0, 16) how many of the rows' products are not at most the thresholds.
template <int kRows>
TFSCANN_INLINE void CountTile(const float* rows, int64_t row_stride, const float* packed,
                              F32x16 thresholds, int64_t dims, I32x16* counts) {
  F32x16 sums[kRows];
  TFSCANN_UNROLL for (int r = 0; r < kRows; ++r) sums[r] = Broadcast(0);
  AddProducts<kRows>(rows, row_stride, packed, dims, sums);
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
    counts->part[i] += kRows;
    TFSCANN_UNROLL for (int r = 0; r < kRows; ++r) {
      counts->part[i] += sums[r].part[i] <= thresholds.part[i];  // -1 where it is
    }
  }
}

static void CountAbovePacked(const float* rows, int64_t row_stride, int64_t num_rows,
                             const float* packed, const float* thresholds, int64_t num_columns,
                             int64_t dims, int32_t* counts) {
  typedef int32_t IntInMemory __attribute__((vector_size(kWidth * 4), aligned(4)));
  for (int64_t column = 0; column < num_columns; column += 16) {
    const float* block = packed + column * dims;
    const F32x16 limits = Load(thresholds + column);
    I32x16 total = {};
    int64_t r = 0;
    for (; r + kMultiplyRows <= num_rows; r += kMultiplyRows) {
      CountTile<kMultiplyRows>(rows + r * row_stride, row_stride, block, limits, dims, &total);
    }
    for (; r < num_rows; ++r) {
      CountTile<1>(rows + r * row_stride, row_stride, block, limits, dims, &total);
    }
    TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
      *reinterpret_cast<IntInMemory*>(counts + column + i * kWidth) += total.part[i];
    }
  }
}

// A float is NaN or infinite exactly if all bits of its exponent are set.
static bool AllFinite(const float* values, int64_t count) {
  Int bad = {};
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const F32x16 v = Load(values + i);
    TFSCANN_UNROLL for (int part = 0; part < kRegisters; ++part) {
      bad |= ((Int)v.part[part] & 0x7f800000) == 0x7f800000;
    }
  }
  int32_t any = 0;
  for (int lane = 0; lane < kWidth; ++lane) any |= bad[lane];
  for (; i < count; ++i) any |= !(values[i] - values[i] == 0.0f);
  return any == 0;
}

}  // namespace TFSCANN_TARGET_NAMESPACE
}  // namespace tfscann
