// The float kernels that choose: argmax, group_maxima, bound_of_largest, largest_and_deviation,
// indices_at_least,
// rank_by_product, rank_by_distance, all_finite.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/cc/kernels/targets.h"
#include "tests/cc/testing/matrix.h"

namespace tfscann::testing {
namespace {

using FloatSelectTest = KernelsTest;
TFSCANN_FOR_ALL_TARGETS(FloatSelectTest);

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> RandomIntegers(int64_t count, uint64_t seed, int64_t limit) {
  const Matrix matrix = IntegerMatrix(1, count, seed, limit);
  return {matrix.row(0), matrix.row(0) + count};
}

TEST_P(FloatSelectTest, ArgmaxIsTheFirstOfTheLargest) {
  for (int64_t count = 16; count <= 160; count += 16) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      // Few different values: the largest stands in many places.
      const std::vector<float> values = RandomIntegers(count, seed, 1 + seed % 5);
      const int64_t expected = std::max_element(values.begin(), values.end()) - values.begin();
      EXPECT_EQ(kernels().argmax(values.data(), count), expected);
    }
    for (int64_t at = 0; at < count; ++at) {
      std::vector<float> values(count, -kInfinity);
      EXPECT_EQ(kernels().argmax(values.data(), count), 0);
      values[at] = -1e30f;
      EXPECT_EQ(kernels().argmax(values.data(), count), at);
    }
  }
}

// Which one is then largest has no answer, but the index must be one.
TEST_P(FloatSelectTest, ArgmaxOfNansIsInRange) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    std::vector<float> values = RandomIntegers(48, seed, 1);
    for (float& value : values) value = value > 0 ? value : kNan;
    const int64_t index = kernels().argmax(values.data(), 48);
    EXPECT_GE(index, 0);
    EXPECT_LT(index, 48);
  }
}

TEST_P(FloatSelectTest, GroupMaximaAreOfDisjointGroups) {
  for (const int64_t group : {1, 2, 3, 5}) {
    for (const int64_t count : {16 * group, 32 * group, 80 * group}) {
      const int64_t num_groups = count / group;
      // The group of each value: the one that notices when it alone is large.
      std::vector<int64_t> group_of(count), sizes(num_groups);
      std::vector<float> values(count, 0.0f), maxima(num_groups);
      for (int64_t i = 0; i < count; ++i) {
        values[i] = 1;
        kernels().group_maxima(values.data(), count, group, maxima.data());
        values[i] = 0;
        ASSERT_EQ(std::count(maxima.begin(), maxima.end(), 1.0f), 1);
        group_of[i] = std::max_element(maxima.begin(), maxima.end()) - maxima.begin();
        ++sizes[group_of[i]];
      }
      EXPECT_EQ(sizes, std::vector<int64_t>(num_groups, group));

      const std::vector<float> random = RandomIntegers(count, 1, 100);
      std::vector<float> expected(num_groups, -kInfinity);
      for (int64_t i = 0; i < count; ++i) {
        expected[group_of[i]] = std::max(expected[group_of[i]], random[i]);
      }
      kernels().group_maxima(random.data(), count, group, maxima.data());
      EXPECT_EQ(maxima, expected);
    }
  }
}

TEST_P(FloatSelectTest, BoundOfLargestIsReachedByNoMoreThanNeedBe) {
  for (const int64_t count : {16, 32, 160}) {
    for (uint64_t seed = 0; seed < 10; ++seed) {
      std::vector<float> values = RandomIntegers(count, seed, 1 + 40 * (seed % 3));
      if (seed % 2 == 1) values[seed] = -kInfinity;
      if (seed % 4 == 3) values[seed + 1] = kInfinity;
      std::vector<float> descending = values;
      std::sort(descending.begin(), descending.end(), std::greater<float>());
      for (int64_t rank = 1; rank <= count; ++rank) {
        const float bound = kernels().bound_of_largest(values.data(), count, rank);
        const auto reached = [&](float limit) {
          return std::count_if(values.begin(), values.end(), [&](float v) { return v >= limit; });
        };
        EXPECT_EQ(reached(bound), reached(descending[rank - 1])) << count << ", rank " << rank;
      }
    }
  }
}

TEST_P(FloatSelectTest, LargestAndDeviationAreThoseOfAllValues) {
  for (const int64_t count : {1, 2, 15, 16, 17, 48, 2303}) {
    for (const float offset : {0.0f, -1000.0f}) {
      Random random(count, 1, 2);
      const Matrix values = MakeMatrix(1, count, [&] { return offset + 4 * random.Uniform(); });
      const float* const x = values.row(0);
      double sum = 0, squares = 0;
      for (int64_t i = 0; i < count; ++i) sum += x[i];
      const double mean = sum / static_cast<double>(count);
      for (int64_t i = 0; i < count; ++i) squares += (x[i] - mean) * (x[i] - mean);
      float largest = -77, deviation = -77;
      kernels().largest_and_deviation(x, count, 0.5f, &largest, &deviation);
      EXPECT_EQ(largest, 0.5f * *std::max_element(x, x + count));
      // The mean is rounded.
      EXPECT_NEAR(deviation, 0.5 * std::sqrt(squares / static_cast<double>(count)),
                  1e-5 + 1e-6 * std::fabs(offset));
    }
  }
}

TEST_P(FloatSelectTest, LeavesAreRankedByTheFormulas) {
  constexpr int64_t kLeaves = 80, kCount = 64;
  const std::vector<int32_t> groups = {3, 0, 4, 0};
  const Matrix dots = IntegerMatrix(1, kCount, 1, 5000), floats = RandomMatrix(4, kLeaves, 2);
  std::vector<int32_t> products(dots.row(0), dots.row(0) + kCount);
  std::vector<float> scales(kLeaves), squared_norms(kLeaves), radii(kLeaves), squares(kLeaves);
  for (int64_t i = 0; i < kLeaves; ++i) {
    scales[i] = std::fabs(floats.row(0)[i]);
    squared_norms[i] = 3 * std::fabs(floats.row(1)[i]);
    radii[i] = std::fabs(floats.row(2)[i]);
    squares[i] = std::fabs(floats.row(3)[i]);
  }
  constexpr float kScale = 0.001f, kSquaredNorm = 2.5f, kSpread = 0.3f;
  std::vector<float> biases(kCount), scores(kCount);
  kernels().rank_by_product(products.data(), scales.data(), radii.data(), groups.data(), 4, kScale,
                            kSpread, biases.data(), scores.data());
  for (int64_t i = 0; i < kCount; ++i) {
    const int64_t leaf = groups[i / 16] * 16 + i % 16;
    const double product = static_cast<double>(products[i]) * scales[leaf] * kScale;
    EXPECT_NEAR(biases[i], product, 1e-5);
    EXPECT_NEAR(scores[i], product + kSpread * radii[leaf], 1e-5);
  }
  kernels().rank_by_distance(products.data(), scales.data(), squared_norms.data(), radii.data(),
                             squares.data(), groups.data(), 4, kScale, kSquaredNorm, kSpread,
                             biases.data(), scores.data());
  for (int64_t i = 0; i < kCount; ++i) {
    const int64_t leaf = groups[i / 16] * 16 + i % 16;
    const double bias =
        2 * static_cast<double>(products[i]) * scales[leaf] * kScale - squared_norms[leaf];
    const double squared = std::max(0.0, kSquaredNorm - bias);
    EXPECT_NEAR(biases[i], bias, 1e-4);
    EXPECT_NEAR(scores[i],
                -(squared + squares[leaf] - 2 * kSpread * radii[leaf] * std::sqrt(squared)), 1e-4);
  }
}

TEST_P(FloatSelectTest, RanksThatWouldBeNanAreTheWorst) {
  const std::vector<int32_t> dots(16, 1000);
  const int32_t group = 0;
  const std::vector<float> scales(16, 1e38f), radii(16, kInfinity), norms(16, kInfinity);
  std::vector<float> biases(16), scores(16);
  kernels().rank_by_product(dots.data(), scales.data(), radii.data(), &group, 1, 1e38f, -1,
                            biases.data(), scores.data());
  EXPECT_EQ(scores, std::vector<float>(16, -kInfinity));
  kernels().rank_by_distance(dots.data(), scales.data(), norms.data(), radii.data(), radii.data(),
                             &group, 1, 1e38f, 1, 1e38f, biases.data(), scores.data());
  EXPECT_EQ(scores, std::vector<float>(16, -kInfinity));
}

TEST_P(FloatSelectTest, IndicesAtLeastAreAllAndAscend) {
  for (int64_t count = 0; count <= 130; ++count) {
    const std::vector<float> values = RandomIntegers(count, count, 5);
    for (const float threshold : {-kInfinity, -5.0f, 0.0f, 2.5f, 5.0f, 6.0f}) {
      std::vector<int32_t> expected;
      for (int64_t i = 0; i < count; ++i) {
        if (values[i] >= threshold) expected.push_back(static_cast<int32_t>(i));
      }
      std::vector<int32_t> found(expected.size() + 16 + 1, -7);
      const int64_t size =
          kernels().indices_at_least(values.data(), count, threshold, found.data());
      ASSERT_EQ(size, static_cast<int64_t>(expected.size()));
      EXPECT_EQ(found.back(), -7);
      found.resize(size);
      EXPECT_EQ(found, expected) << count << " values, threshold " << threshold;
    }
  }
}

TEST_P(FloatSelectTest, AllFiniteFindsOneBadValueAnywhere) {
  const float largest = std::numeric_limits<float>::max();
  const float denormal = std::numeric_limits<float>::denorm_min();
  for (int64_t count = 0; count <= 70; ++count) {
    std::vector<float> values(count);
    for (int64_t i = 0; i < count; ++i) values[i] = i % 3 == 0 ? -largest : denormal;
    EXPECT_TRUE(kernels().all_finite(values.data(), count));
    for (int64_t at = 0; at < count; ++at) {
      for (const float bad : {kNan, -kNan, kInfinity, -kInfinity}) {
        const float good = values[at];
        values[at] = bad;
        EXPECT_FALSE(kernels().all_finite(values.data(), count)) << bad << " at " << at;
        values[at] = good;
      }
    }
  }
}

}  // namespace
}  // namespace tfscann::testing
