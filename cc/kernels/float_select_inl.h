// Float kernels that rank and choose: leaves, and maxima of any values.
// Part of float_inl.h, which says what may stand here.

namespace tfscann {
namespace TFSCANN_TARGET_NAMESPACE {

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

static void LargestAndDeviation(const float* values, int64_t count, float scale, float* largest,
                                float* deviation) {
  const int64_t whole = count / 16 * 16;
  const F32x16 scales = Broadcast(scale);
  float best = values[0] * scale, sum = 0;
  if (whole > 0) {
    F32x16 maxima = Load(values) * scales, sums = maxima;
    for (int64_t i = 16; i < whole; i += 16) {
      const F32x16 value = Load(values + i) * scales;
      maxima = Max(maxima, value);
      sums = sums + value;
    }
    sum = Sum(sums);
    TFSCANN_UNROLL for (int lane = 0; lane < 16; ++lane) {
      const float value = maxima.part[lane / kWidth][lane % kWidth];
      best = best > value ? best : value;
    }
  }
  for (int64_t i = whole; i < count; ++i) {
    const float value = values[i] * scale;
    best = best > value ? best : value;
    sum += value;
  }
  const float mean = sum / static_cast<float>(count);
  F32x16 squares = Broadcast(0);
  for (int64_t i = 0; i < whole; i += 16) {
    const F32x16 difference = Load(values + i) * scales - Broadcast(mean);
    squares = MultiplyAdd(squares, difference, difference);
  }
  float square = Sum(squares);
  for (int64_t i = whole; i < count; ++i) {
    const float difference = values[i] * scale - mean;
    square += difference * difference;
  }
  *largest = best;
  *deviation = __builtin_sqrtf(square / static_cast<float>(count));
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
    found += WriteIndices(mask, static_cast<int32_t>(i), out + found);
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
  const auto count_from = [&](int32_t ordered) {
    const int32_t bits = OrderedInteger(ordered);
    float limit;
    __builtin_memcpy(&limit, &bits, 4);
    const F32x16 limits = Broadcast(limit);
    int64_t reached = 0;
    for (int64_t i = 0; i < count; i += 16) {
      const F32x16 v = Load(values + i);
      TFSCANN_UNROLL for (int part = 0; part < kRegisters; ++part) {
        reached += __builtin_popcount(SignMask(v.part[part] >= limits.part[part]));
      }
    }
    return reached;
  };
  // At least `rank` values reach `low`; fewer reach `end`.
  F32x16 maxima = Load(values), minima = maxima;
  for (int64_t i = 16; i < count; i += 16) {
    maxima = Max(maxima, Load(values + i));
    minima = Min(minima, Load(values + i));
  }
  float largest = maxima.part[0][0], smallest = minima.part[0][0];
  for (int lane = 1; lane < 16; ++lane) {
    const float high = maxima.part[lane / kWidth][lane % kWidth];
    const float low = minima.part[lane / kWidth][lane % kWidth];
    largest = largest > high ? largest : high;
    smallest = smallest < low ? smallest : low;
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

static void RankByProduct(const int32_t* dots, const float* scales, const float* radii,
                          const int32_t* groups, int64_t num_groups, float scale, float spread,
                          float* biases, float* scores) {
  for (int64_t i = 0; i < num_groups; ++i) {
    const int64_t leaf = int64_t{groups[i]} * 16;
    const F32x16 bias = LoadIntegers(dots + i * 16) * Load(scales + leaf) * Broadcast(scale);
    Store(biases + i * 16, bias);
    Store(scores + i * 16, NanToWorst(MultiplyAdd(bias, Load(radii + leaf), Broadcast(spread))));
  }
}

static void RankByDistance(const int32_t* dots, const float* scales, const float* squared_norms,
                           const float* radii, const float* terms, const int32_t* groups,
                           int64_t num_groups, float scale, float squared_norm, float spread,
                           float* biases, float* scores) {
  for (int64_t i = 0; i < num_groups; ++i) {
    const int64_t leaf = int64_t{groups[i]} * 16;
    const F32x16 product = LoadIntegers(dots + i * 16) * Load(scales + leaf) * Broadcast(scale);
    const F32x16 bias = product + product - Load(squared_norms + leaf);
    const F32x16 squared = Max(Broadcast(squared_norm) - bias, Broadcast(0));
    Store(biases + i * 16, bias);
    const F32x16 gain = Load(radii + leaf) * SquareRoot(squared) * Broadcast(2 * spread);
    Store(scores + i * 16, NanToWorst(gain - squared - Load(terms + leaf)));
  }
}

}  // namespace TFSCANN_TARGET_NAMESPACE
}  // namespace tfscann
