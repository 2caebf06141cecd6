// The float kernels, written once with the compiler's vector types. Each float_<target>.cc includes
// this file inside a region compiled for its instruction set, with TFSCANN_TARGET_NAMESPACE set.
// Nothing here may call a function defined outside that region (an inline function compiled for
// AVX-512 could be the copy that the linker keeps for everybody), hence no standard library.
//
// No include guard: one inclusion per target, each in its own file.

namespace tfscann {
namespace TFSCANN_TARGET_NAMESPACE {

#define TFSCANN_INLINE static inline __attribute__((always_inline))
#define TFSCANN_UNROLL _Pragma("GCC unroll 16")

// One register, of kWidth floats.
typedef float Float __attribute__((vector_size(kWidth * 4)));
typedef int32_t Int __attribute__((vector_size(kWidth * 4)));
// The same in memory, without an alignment requirement.
typedef float FloatInMemory __attribute__((vector_size(kWidth * 4), aligned(4)));

// Sixteen lanes whatever the register width: a dot product adds up in the same order on AVX2 and
// AVX-512.
constexpr int kRegisters = 16 / kWidth;
struct F32x16 {
  Float part[kRegisters];
};
struct I32x16 {
  Int part[kRegisters];
};

TFSCANN_INLINE F32x16 Load(const float* from) {
  F32x16 v;
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
    v.part[i] = *reinterpret_cast<const FloatInMemory*>(from + i * kWidth);
  }
  return v;
}
TFSCANN_INLINE void Store(float* to, F32x16 v) {
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
    *reinterpret_cast<FloatInMemory*>(to + i * kWidth) = v.part[i];
  }
}
TFSCANN_INLINE F32x16 Broadcast(float x) {
  F32x16 v;
  // x - 0 is x for every x; the compiler would have to compute 0 + x.
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) v.part[i] = x - Float{};
  return v;
}

#define TFSCANN_LANEWISE(name, expression)                \
  TFSCANN_INLINE F32x16 name(F32x16 x, F32x16 y) {        \
    F32x16 v;                                             \
    TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) { \
      const Float a = x.part[i], b = y.part[i];           \
      v.part[i] = expression;                             \
    }                                                     \
    return v;                                             \
  }
TFSCANN_LANEWISE(operator+, a + b)
TFSCANN_LANEWISE(operator-, a - b)
TFSCANN_LANEWISE(operator*, a* b)
TFSCANN_LANEWISE(Max, a > b ? a : b)
TFSCANN_LANEWISE(Min, a < b ? a : b)  // b if either is NaN
#undef TFSCANN_LANEWISE

// sum + a * b, fused where the target can.
TFSCANN_INLINE F32x16 MultiplyAdd(F32x16 sum, F32x16 a, F32x16 b) {
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) sum.part[i] += a.part[i] * b.part[i];
  return sum;
}

// The first `count` lanes of x, zero in the others.
TFSCANN_INLINE F32x16 FirstLanes(F32x16 x, int count) {
  alignas(64) static constexpr int32_t kMask[32] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                                    -1, -1, -1, -1, -1, -1, -1, -1};
  typedef int32_t IntInMemory __attribute__((vector_size(kWidth * 4), aligned(4)));
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
    const Int mask = *reinterpret_cast<const IntInMemory*>(kMask + 16 - count + i * kWidth);
    x.part[i] = (Float)((Int)x.part[i] & mask);
  }
  return x;
}

TFSCANN_INLINE float Sum(F32x16 v) {
  float lanes[16];
  Store(lanes, v);
  TFSCANN_UNROLL for (int i = 0; i < 8; ++i) lanes[i] += lanes[i + 8];
  TFSCANN_UNROLL for (int i = 0; i < 4; ++i) lanes[i] += lanes[i + 4];
  return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

struct Dot {
  TFSCANN_INLINE F32x16 Add(F32x16 sum, F32x16 q, F32x16 x) { return MultiplyAdd(sum, q, x); }
};
struct SquaredL2 {
  TFSCANN_INLINE F32x16 Add(F32x16 sum, F32x16 q, F32x16 x) {
    const F32x16 difference = q - x;
    return MultiplyAdd(sum, difference, difference);
  }
};

// Scores a tile of kQueries x kRows pairs. In the last, partial step the lanes behind the row's end
// are cleared, whatever they hold.
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
      const F32x16 x = FirstLanes(Load(rows + r * row_stride + dim), static_cast<int>(dims - dim));
      TFSCANN_UNROLL for (int q = 0; q < kQueries; ++q) {
        sums[q][r] = Measure::Add(sums[q][r], Load(queries + q * query_stride + dim), x);
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

template <int kRows>
TFSCANN_INLINE void MultiplyTile(const float* rows, int64_t row_stride, const float* packed,
                                 const float* bias, int64_t dims, float* out, int64_t out_stride) {
  F32x16 sums[kRows];
  TFSCANN_UNROLL for (int r = 0; r < kRows; ++r) sums[r] = Load(bias);
  for (int64_t dim = 0; dim < dims; ++dim) {
    const F32x16 column = Load(packed + dim * 16);
    TFSCANN_UNROLL for (int r = 0; r < kRows; ++r) {
      sums[r] = MultiplyAdd(sums[r], Broadcast(rows[r * row_stride + dim]), column);
    }
  }
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

static int64_t Argmax(const float* values, int64_t count) {
  F32x16 best = Load(values);
  I32x16 best_step = {};
  for (int64_t step = 1; step < count / 16; ++step) {
    const F32x16 value = Load(values + step * 16);
    TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
      const Int better = value.part[i] > best.part[i];
      best.part[i] = better ? value.part[i] : best.part[i];
      best_step.part[i] = better ? Int{} + static_cast<int32_t>(step) : best_step.part[i];
    }
  }
  int64_t argmax = 0;
  for (int lane = 0; lane < 16; ++lane) {
    const int64_t index = best_step.part[lane / kWidth][lane % kWidth] * int64_t{16} + lane;
    const float champion = values[argmax];
    if (values[index] > champion || (values[index] == champion && index < argmax)) argmax = index;
  }
  return argmax;
}

static void GroupMaxima(const float* values, int64_t count, int64_t group, float* maxima) {
  for (int64_t begin = 0; begin < count; begin += 16 * group, maxima += 16) {
    F32x16 best = Load(values + begin);
    for (int64_t i = 1; i < group; ++i) best = Max(best, Load(values + begin + 16 * i));
    Store(maxima, best);
  }
}

static int64_t IndicesAtLeast(const float* values, int64_t count, float threshold, int32_t* out) {
  const F32x16 limit = Broadcast(threshold);
  int64_t found = 0;
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const F32x16 v = Load(values + i);
    uint32_t mask = 0;
    TFSCANN_UNROLL for (int part = 0; part < kRegisters; ++part) {
      mask |= SignMask(v.part[part] >= limit.part[part]) << (part * kWidth);
    }
    for (; mask != 0; mask &= mask - 1) {
      out[found++] = static_cast<int32_t>(i) + __builtin_ctz(mask);
    }
  }
  for (; i < count; ++i) {
    if (values[i] >= threshold) out[found++] = static_cast<int32_t>(i);
  }
  return found;
}

// Integers that are ordered like the floats they are made of; its own inverse.
TFSCANN_INLINE int32_t OrderedInteger(int32_t bits) {
  return bits ^ static_cast<int32_t>(static_cast<uint32_t>(bits >> 31) >> 1);
}

static float BoundOfLargest(const float* values, int64_t count, int64_t rank) {
  const auto count_from = [&](int32_t limit) {
    Int reached = {};
    for (int64_t i = 0; i < count; i += 16) {
      const F32x16 v = Load(values + i);
      TFSCANN_UNROLL for (int part = 0; part < kRegisters; ++part) {
        const Int bits = (Int)v.part[part];
        const Int ordered = bits ^ ((bits >> 31) & 0x7fffffff);
        reached += ordered >= limit;  // -1 where it is
      }
    }
    int64_t total = 0;
    for (int lane = 0; lane < kWidth; ++lane) total -= reached[lane];
    return total;
  };
  // At least `rank` values reach `low`; fewer reach `end`.
  float largest = values[0], smallest = values[0];
  for (int64_t i = 1; i < count; ++i) {
    largest = largest > values[i] ? largest : values[i];
    smallest = smallest < values[i] ? smallest : values[i];
  }
  int32_t low, high;
  __builtin_memcpy(&low, &smallest, 4);
  __builtin_memcpy(&high, &largest, 4);
  low = OrderedInteger(low);
  int64_t end = int64_t{OrderedInteger(high)} + 1;
  int64_t at_low = count;
  while (at_low != rank && end - low > 1) {
    const int32_t middle = static_cast<int32_t>(low + (end - low) / 2);
    const int64_t reached = count_from(middle);
    if (reached >= rank) {
      low = middle;
      at_low = reached;
    } else {
      end = middle;
    }
  }
  low = OrderedInteger(low);
  float bound;
  __builtin_memcpy(&bound, &low, 4);
  return bound;
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

static void BlockProducts(const float* query, const float* codebooks, int64_t num_blocks,
                          int64_t dims_per_block, float* products) {
  for (int64_t block = 0; block < num_blocks; ++block) {
    F32x16 sum = Broadcast(0);
    for (int64_t i = 0; i < dims_per_block; ++i, ++query, codebooks += 16) {
      sum = MultiplyAdd(sum, Broadcast(*query), Load(codebooks));
    }
    Store(products + block * 16, sum);
  }
}

static float BlockMaxima(const float* values, int64_t num_blocks, float* maxima) {
  typedef float Four __attribute__((vector_size(16)));
  typedef float FourInMemory __attribute__((vector_size(16), aligned(4)));
  float widest = 0;
  for (int64_t block = 0; block < num_blocks; ++block, values += 16) {
    Four largest = *reinterpret_cast<const FourInMemory*>(values);
    Four smallest = largest;
    TFSCANN_UNROLL for (int i = 4; i < 16; i += 4) {
      const Four next = *reinterpret_cast<const FourInMemory*>(values + i);
      largest = largest > next ? largest : next;
      smallest = smallest < next ? smallest : next;
    }
    float maximum = largest[0], minimum = smallest[0];
    TFSCANN_UNROLL for (int i = 1; i < 4; ++i) {
      maximum = maximum > largest[i] ? maximum : largest[i];
      minimum = minimum < smallest[i] ? minimum : smallest[i];
    }
    maxima[block] = maximum;
    widest = maximum - minimum > widest ? maximum - minimum : widest;
  }
  return widest;
}

static void QuantizeTable(const float* values, const float* maxima, float scale, float max_entry,
                          int64_t num_blocks, uint8_t* table) {
  const F32x16 limit = Broadcast(max_entry);
  const F32x16 rounding = Broadcast(0.5f);
  for (int64_t block = 0; block < num_blocks; ++block) {
    const F32x16 below = (Broadcast(maxima[block]) - Load(values + block * 16)) * Broadcast(scale);
    // In range for a NaN, too.
    const F32x16 rounded = limit - Min(Max(below, Broadcast(0)), limit) + rounding;
    Int whole[kRegisters];
    TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
      whole[i] = __builtin_convertvector(rounded.part[i], Int);
    }
    StoreAsBytes(table + block * 16, whole);
  }
}

// score, or -infinity for a NaN.
TFSCANN_INLINE F32x16 NanToWorst(F32x16 score) {
  const F32x16 worst = Broadcast(-__builtin_inff());
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
    score.part[i] = score.part[i] == score.part[i] ? score.part[i] : worst.part[i];
  }
  return score;
}

TFSCANN_INLINE F32x16 LoadIntegers(const int32_t* from) {
  typedef int32_t IntInMemory __attribute__((vector_size(kWidth * 4), aligned(4)));
  F32x16 v;
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
    const Int lanes = *reinterpret_cast<const IntInMemory*>(from + i * kWidth);
    v.part[i] = __builtin_convertvector(lanes, Float);
  }
  return v;
}

TFSCANN_INLINE F32x16 SquareRoot(F32x16 v) {
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
    TFSCANN_UNROLL for (int lane = 0; lane < kWidth; ++lane) {
      v.part[i][lane] = __builtin_sqrtf(v.part[i][lane]);
    }
  }
  return v;
}

static void RankByProduct(const int32_t* dots, const float* scales, const float* radii, float scale,
                          float spread, int64_t count, float* biases, float* scores) {
  for (int64_t i = 0; i < count; i += 16) {
    const F32x16 bias = LoadIntegers(dots + i) * Load(scales + i) * Broadcast(scale);
    Store(biases + i, bias);
    Store(scores + i, NanToWorst(MultiplyAdd(bias, Load(radii + i), Broadcast(spread))));
  }
}

static void RankByDistance(const int32_t* dots, const float* scales, const float* squared_norms,
                           const float* radii, float scale, float squared_norm, float spread,
                           int64_t count, float* biases, float* scores) {
  for (int64_t i = 0; i < count; i += 16) {
    const F32x16 product = LoadIntegers(dots + i) * Load(scales + i) * Broadcast(scale);
    const F32x16 bias = product + product - Load(squared_norms + i);
    const F32x16 squared = Max(Broadcast(squared_norm) - bias, Broadcast(0));
    const F32x16 radius = Load(radii + i);
    Store(biases + i, bias);
    const F32x16 gain = radius * SquareRoot(squared) * Broadcast(2 * spread);
    Store(scores + i, NanToWorst(gain - squared - radius * radius));
  }
}

// First index of the smallest.
TFSCANN_INLINE int Argmin16(F32x16 v) {
  float lanes[16];
  Store(lanes, v);
  int best = 0;
  for (int i = 1; i < 16; ++i) best = lanes[i] < lanes[best] ? i : best;
  return best;
}

static void EncodeRow(const float* residual, const float* direction, float extra_weight,
                      const float* codebooks, int64_t num_blocks, int64_t dims_per_block,
                      int64_t max_rounds, float* work, uint8_t* codes) {
  float* squared = work;                     // |e_b|^2 for each choice
  float* parallel = work + num_blocks * 16;  // e_b . direction
  float total = 0;                           // e . direction for the present choices
  for (int64_t block = 0; block < num_blocks; ++block) {
    F32x16 squares = Broadcast(0), products = Broadcast(0);
    for (int64_t i = 0; i < dims_per_block; ++i, ++residual, ++direction, codebooks += 16) {
      const F32x16 error = Broadcast(*residual) - Load(codebooks);
      squares = MultiplyAdd(squares, error, error);
      products = MultiplyAdd(products, error, Broadcast(*direction));
    }
    Store(squared + block * 16, squares);
    Store(parallel + block * 16, products);
    const int nearest = Argmin16(squares);
    codes[block] = static_cast<uint8_t>(nearest);
    total += parallel[block * 16 + nearest];
  }
  if (extra_weight == 0) return;
  for (int64_t round = 0; round < max_rounds; ++round) {
    bool changed = false;
    for (int64_t block = 0; block < num_blocks; ++block) {
      const float* products = parallel + block * 16;
      const float others = total - products[codes[block]];
      const F32x16 sum = Broadcast(others) + Load(products);
      const int best =
          Argmin16(MultiplyAdd(Load(squared + block * 16), Broadcast(extra_weight) * sum, sum));
      total = others + products[best];
      changed |= best != codes[block];
      codes[block] = static_cast<uint8_t>(best);
    }
    if (!changed) return;
  }
}

static void AddFloatKernels(Kernels* kernels) {
  kernels->dot_rows = ScoreRows<Dot>;
  kernels->squared_l2_rows = ScoreRows<SquaredL2>;
  kernels->multiply_packed = MultiplyPacked;
  kernels->argmax = Argmax;
  kernels->group_maxima = GroupMaxima;
  kernels->indices_at_least = IndicesAtLeast;
  kernels->bound_of_largest = BoundOfLargest;
  kernels->all_finite = AllFinite;
  kernels->block_products = BlockProducts;
  kernels->block_maxima = BlockMaxima;
  kernels->quantize_table = QuantizeTable;
  kernels->rank_by_product = RankByProduct;
  kernels->rank_by_distance = RankByDistance;
  kernels->encode_row = EncodeRow;
}

#undef TFSCANN_INLINE
#undef TFSCANN_UNROLL

}  // namespace TFSCANN_TARGET_NAMESPACE
}  // namespace tfscann
