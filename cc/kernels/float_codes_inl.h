// Float kernels that quantize: to int8, lookup tables, and to 4-bit codes.
// Part of float_inl.h, which says what may stand here.

namespace tfscann {
namespace TFSCANN_TARGET_NAMESPACE {

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

static void BlockRanges(const float* values, int64_t num_blocks, float* minima, float* ranges) {
  typedef float Four __attribute__((vector_size(16)));
  typedef float FourInMemory __attribute__((vector_size(16), aligned(4)));
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
    minima[block] = minimum;
    ranges[block] = maximum - minimum;
  }
}

static void QuantizeTable(const float* values, const float* minima, const float* ranges,
                          float scale, int64_t num_blocks, uint8_t* table) {
  const F32x16 rounding = Broadcast(0.5f);
  for (int64_t block = 0; block < num_blocks; ++block) {
    const F32x16 above = (Load(values + block * 16) - Broadcast(minima[block])) * Broadcast(scale);
    // In this order a NaN becomes 0. It may have hidden a larger value from the range.
    const F32x16 limit = Broadcast(ranges[block] * scale);
    const F32x16 rounded = Min(Max(above, Broadcast(0)), limit) + rounding;
    Int whole[kRegisters];
    TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
      whole[i] = __builtin_convertvector(rounded.part[i], Int);
    }
    StoreAsBytes(table + block * 16, whole);
  }
}

static float QuantizeInt8(const float* x, int64_t count, int8_t* values) {
  const int64_t whole = count / 16 * 16;
  float rest[16] = {};
  for (int64_t i = whole; i < count; ++i) rest[i - whole] = x[i];
  const auto absolute = [](F32x16 v) { return Max(v, Broadcast(0) - v); };
  F32x16 largest = absolute(Load(rest));
  for (int64_t i = 0; i < whole; i += 16) largest = Max(largest, absolute(Load(x + i)));
  float most = 0;
  TFSCANN_UNROLL for (int lane = 0; lane < 16; ++lane) {
    const float value = largest.part[lane / kWidth][lane % kWidth];
    most = most > value ? most : value;
  }
  const float scale = most / 127;
  // Of a denormal scale the inverse is infinite; such a vector is as good as zero.
  const float inverse = scale > 0 && 1 / scale <= __FLT_MAX__ ? 1 / scale : 0;
  const auto round = [inverse](F32x16 v, uint8_t* to) {
    const F32x16 scaled = Min(Max(v * Broadcast(inverse), Broadcast(-127)), Broadcast(127));
    // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
    const F32x16 rounded = scaled + Broadcast(0x1.8p23f);
    Int low_bytes[kRegisters];
    TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
      low_bytes[i] = (Int)rounded.part[i] & 255;
    }
    StoreAsBytes(to, low_bytes);
  };
  for (int64_t i = 0; i < whole; i += 16) {
    round(Load(x + i), reinterpret_cast<uint8_t*>(values + i));
  }
  uint8_t rest_values[16];
  round(Load(rest), rest_values);
  for (int64_t i = whole; i < count; ++i) values[i] = static_cast<int8_t>(rest_values[i - whole]);
  return inverse > 0 ? scale : 0;
}

// First index of the smallest; 0 if that is a NaN.
TFSCANN_INLINE int Argmin16(F32x16 v) {
  Float least = v.part[0];
  TFSCANN_UNROLL for (int i = 1; i < kRegisters; ++i) {
    least = v.part[i] < least ? v.part[i] : least;
  }
  float lanes[kWidth];
  *reinterpret_cast<FloatInMemory*>(lanes) = least;
  TFSCANN_UNROLL for (int half = kWidth / 2; half > 0; half /= 2) {
    TFSCANN_UNROLL for (int i = 0; i < half; ++i) {
      lanes[i] = lanes[i + half] < lanes[i] ? lanes[i + half] : lanes[i];
    }
  }
  uint32_t smallest = 0;
  TFSCANN_UNROLL for (int i = 0; i < kRegisters; ++i) {
    smallest |= SignMask(v.part[i] == lanes[0] - Float{}) << (i * kWidth);
  }
  return smallest == 0 ? 0 : __builtin_ctz(smallest);
}

static void EncodeRow(const float* residual, const ErrorDirections& directions,
                      const float* codebooks, int64_t num_blocks, int64_t dims_per_block,
                      int64_t max_rounds, float* work, uint8_t* codes) {
  const int64_t count = directions.count, padded = num_blocks * dims_per_block;
  // Of each choice for a block |e_b|^2, then e_b . each direction.
  const int64_t stride = (1 + count) * 16;
  float totals[kMaxErrorDirections] = {};  // e . direction for the present choices
  for (int64_t block = 0; block < num_blocks; ++block) {
    const int64_t first = block * dims_per_block;
    const auto error = [&](int64_t i) {
      return Broadcast(residual[first + i]) - Load(codebooks + (first + i) * 16);
    };
    F32x16 squares = Broadcast(0);
    for (int64_t i = 0; i < dims_per_block; ++i) {
      squares = MultiplyAdd(squares, error(i), error(i));
    }
    const int nearest = Argmin16(squares);
    codes[block] = static_cast<uint8_t>(nearest);
    float* const of_block = work + block * stride;
    Store(of_block, squares);
    for (int64_t d = 0; d < count; ++d) {
      F32x16 products = Broadcast(0);
      for (int64_t i = 0; i < dims_per_block; ++i) {
        const float direction = directions.vectors[d * padded + first + i];
        products = MultiplyAdd(products, error(i), Broadcast(direction));
      }
      float* const of_direction = of_block + (1 + d) * 16;
      Store(of_direction, products);
      totals[d] += of_direction[nearest];
    }
  }
  if (count == 0) return;
  for (int64_t round = 0; round < max_rounds; ++round) {
    bool changed = false;
    for (int64_t block = 0; block < num_blocks; ++block) {
      const float* const of_block = work + block * stride;
      F32x16 loss = Load(of_block);
      for (int64_t d = 0; d < count; ++d) {
        const float* const of_direction = of_block + (1 + d) * 16;
        totals[d] -= of_direction[codes[block]];
        const F32x16 sum = Broadcast(totals[d]) + Load(of_direction);
        loss = MultiplyAdd(loss, Broadcast(directions.weights[d]) * sum, sum);
      }
      const int best = Argmin16(loss);
      for (int64_t d = 0; d < count; ++d) totals[d] += of_block[(1 + d) * 16 + best];
      changed |= best != codes[block];
      codes[block] = static_cast<uint8_t>(best);
    }
    if (!changed) return;
  }
}

}  // namespace TFSCANN_TARGET_NAMESPACE
}  // namespace tfscann
