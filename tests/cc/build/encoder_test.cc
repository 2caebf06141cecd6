#include "cc/build/encoder.h"

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "tests/cc/build/context.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/status_matchers.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kRows = 150;
constexpr int64_t kLeaves = 4;

// Rows in leaves, an encoder for them and what it makes of them. Whole numbers, so that the nearest
// centres are known exactly.
struct Encoded {
  Encoded(DistanceMeasure measure, int64_t dims, int64_t dims_per_block, double threshold,
          int threads = 1, const QueryDirections& query_directions = {})
      : rows(IntegerMatrix(kRows, dims, 1, 8)), centroids(IntegerMatrix(kLeaves, dims, 2, 4)) {
    for (int32_t row = 0; row < kRows; ++row) leaf_of_row.push_back(row % 7 % kLeaves);
    leaves = ArrangeLeaves({&leaf_of_row}, kLeaves);
    for (size_t i = 0; i < leaves.position_rows.size(); ++i) {
      scales.push_back(static_cast<uint8_t>(i % 3 == 0 ? kLut16MaxScale : 80 + i % 47));
    }
    double squared = 0;
    for (int64_t row = 0; row < kRows; ++row) squared += SquaredNorm(rows.row(row));
    const int64_t num_blocks = CeilDiv(dims, dims_per_block);
    const Matrix centres = IntegerMatrix(num_blocks * dims_per_block, 16, 3, 8);
    encoder.distance_measure = measure;
    encoder.dims_per_block = dims_per_block;
    encoder.threshold = threshold;
    encoder.query_directions = query_directions;
    encoder.mean_squared_norm = squared / kRows;
    encoder.centroids = centroids;
    encoder.code_scales = {scales.data(), scales.size()};
    encoder.center.assign(dims, measure == DistanceMeasure::kSquaredL2 ? 1.0f : 0.0f);
    encoder.codebooks.assign(centres.row(0), centres.row(0) + centres.rows() * 16);
    // Dimensions behind the last have centres of zero.
    std::fill(encoder.codebooks.begin() + dims * 16, encoder.codebooks.end(), 0.0f);
    if (measure == DistanceMeasure::kSquaredL2) {
      TestContext context(threads);
      norm_terms.resize(kLeaves);
      encoder.FillLeafNormTerms(rows, leaves, context().executor, norm_terms.data());
      encoder.leaf_norm_terms = norm_terms;
      encoder.ChooseNormCodebooks(rows, leaves, kRows);
    }

    codes.assign(leaves.num_groups() * encoder.num_pairs() * 32, 0);
    TestContext context(threads);
    TFSCANN_EXPECT_OK(encoder.EncodeLeaves(rows, leaves, context(), codes.data()));
  }

  double SquaredNorm(const float* x) const {
    double sum = 0;
    for (int64_t dim = 0; dim < rows.cols(); ++dim) sum += static_cast<double>(x[dim]) * x[dim];
    return sum;
  }

  // The code at a position, by the words of kernels.h.
  int CodeAt(int64_t position, int64_t block) const {
    const uint8_t* pair =
        codes.data() + (position / 32 * encoder.num_pairs() + block / 2) * 32 + block % 2 * 16;
    const int candidate = static_cast<int>(position % 32);
    for (int byte = 0; byte < 16; ++byte) {
      if (byte / 2 + 8 * (byte % 2) != candidate % 16) continue;
      return candidate < 16 ? pair[byte] & 15 : pair[byte] >> 4;
    }
    return -1;
  }
  std::vector<int> CodesAt(int64_t position) const {
    std::vector<int> all;
    for (int64_t block = 0; block < encoder.num_code_blocks(); ++block) {
      all.push_back(CodeAt(position, block));
    }
    return all;
  }

  // What the code at a position is multiplied with.
  double ScaleAt(int64_t position) const { return scales[position] / 127.0; }
  int64_t PositionOf(int64_t row) const {
    const auto at = std::find(leaves.position_rows.begin(), leaves.position_rows.end(), row);
    return at - leaves.position_rows.begin();
  }

  // eta - 1, of the paper.
  double CandidateWeight(int64_t row) const {
    const double threshold = encoder.threshold;
    const double t = threshold * threshold * encoder.mean_squared_norm / SquaredNorm(rows.row(row));
    return std::max(0.0, static_cast<double>(rows.cols() - 1) * t / (1 - t) - 1);
  }

  // |e|^2 + weight (e . x/|x|)^2 for the error e of these codes, over the scale; and the same for
  // the query directions.
  double Loss(int64_t row, const std::vector<int>& row_codes, double weight) const {
    const float* x = rows.row(row);
    const double scale = ScaleAt(PositionOf(row));
    const float* centroid = centroids.row(leaf_of_row[row]);
    const QueryDirections& of_queries = encoder.query_directions;
    std::vector<double> along_queries(of_queries.count());
    double squared = 0, along = 0;
    for (int64_t dim = 0; dim < rows.cols(); ++dim) {
      const double centre = encoder.codebooks[dim * 16 + row_codes[dim / encoder.dims_per_block]];
      const double error = (x[dim] - centroid[dim]) / scale - centre;
      squared += error * error;
      along += error * x[dim];
      for (int64_t i = 0; i < of_queries.count(); ++i) {
        along_queries[i] += error * of_queries.vectors[i * rows.cols() + dim];
      }
    }
    for (int64_t i = 0; i < of_queries.count(); ++i) {
      squared += of_queries.weights[i] * along_queries[i] * along_queries[i];
    }
    const double norm = SquaredNorm(x);
    return squared + (norm > 0 ? weight * along * along / norm : 0);
  }

  // Calls visit(row, position) for every row.
  template <typename Visit>
  void ForEachRow(const Visit& visit) const {
    for (int64_t leaf = 0; leaf < kLeaves; ++leaf) {
      const int64_t first = int64_t{leaves.first_groups[leaf]} * 32;
      for (uint32_t i = 0; i < leaves.sizes[leaf]; ++i) {
        visit(leaves.position_rows[first + i], first + i);
      }
    }
  }

  Matrix rows;
  Matrix centroids;
  std::vector<int32_t> leaf_of_row;
  Leaves leaves;
  std::vector<uint8_t> scales;
  std::vector<float> norm_terms;
  Encoder encoder;
  std::vector<uint8_t> codes;
};

// No other code of any one block has a smaller loss.
void ExpectNoBetterCode(const Encoded& encoded, int64_t row, const std::vector<int>& codes,
                        double weight) {
  const double loss = encoded.Loss(row, codes, weight);
  for (int64_t block = 0; block < encoded.encoder.num_blocks(); ++block) {
    std::vector<int> other = codes;
    for (other[block] = 0; other[block] < 16; ++other[block]) {
      EXPECT_GE(encoded.Loss(row, other, weight), loss - 1e-3 - 1e-6 * loss)
          << "row " << row << ", block " << block << ", weight " << weight;
    }
  }
}

// The codes are a minimum of their loss, which is less than `most` times that of other codes.
void ExpectMinimum(const Encoded& encoded, const Encoded& other, double most) {
  double loss = 0, loss_of_other = 0;
  encoded.ForEachRow([&](int64_t row, int64_t position) {
    const double weight = encoded.CandidateWeight(row);
    ExpectNoBetterCode(encoded, row, encoded.CodesAt(position), weight);
    loss += encoded.Loss(row, encoded.CodesAt(position), weight);
    loss_of_other += encoded.Loss(row, other.CodesAt(position), weight);
  });
  EXPECT_LT(loss, most * loss_of_other) << "threshold " << encoded.encoder.threshold;
}

TEST(EncoderTest, SquaredL2AndThresholdZeroGetTheNearestCentres) {
  for (const int64_t dims : {1, 2, 7, 10}) {
    for (const int64_t width : {1, 2, 3}) {
      if (width > dims) continue;
      for (const DistanceMeasure measure :
           {DistanceMeasure::kDotProduct, DistanceMeasure::kSquaredL2}) {
        const double threshold = measure == DistanceMeasure::kSquaredL2 ? 0.5 : 0.0;
        const Encoded encoded(measure, dims, width, threshold);
        encoded.ForEachRow([&](int64_t row, int64_t position) {
          ExpectNoBetterCode(encoded, row, encoded.CodesAt(position), 0);
        });
      }
    }
  }
}

TEST(EncoderTest, AnisotropicCodesAreAMinimumOfTheirLoss) {
  const int64_t dims = 12;
  const double threshold = 0.4;
  const Encoded isotropic(DistanceMeasure::kDotProduct, dims, 2, 0.0);
  for (const DistanceMeasure measure : {DistanceMeasure::kDotProduct, DistanceMeasure::kCosine}) {
    const Encoded encoded(measure, dims, 2, threshold);
    ExpectMinimum(encoded, isotropic, 0.95);
  }
}

TEST(EncoderTest, ErrorsInQueryDirectionsCountForMore) {
  const int64_t dims = 11;  // the last block is half empty
  QueryDirections directions;
  directions.vectors.assign(2 * dims, 0.0f);
  directions.vectors[0] = directions.vectors[dims + 10] = 1;
  directions.vectors[1] = 0.6f;
  directions.vectors[dims + 3] = -0.8f;
  directions.weights = {20, 3};
  const DistanceMeasure measure = DistanceMeasure::kDotProduct;
  for (const double threshold : {0.0, 0.4}) {
    const Encoded without(measure, dims, 2, threshold);
    const Encoded encoded(measure, dims, 2, threshold, 1, directions);
    ExpectMinimum(encoded, without, 0.85);
  }
}

TEST(EncoderTest, LeafNormTermsAndCentroidsMakeUpTheMeanSquaredNorm) {
  const Encoded encoded(DistanceMeasure::kSquaredL2, 10, 2, 0.2);
  for (int32_t leaf = 0; leaf < kLeaves; ++leaf) {
    double sum = 0, size = 0, centroid = 0;
    for (int64_t dim = 0; dim < 10; ++dim) {
      const double c = encoded.centroids.view().row(leaf)[dim] - encoded.encoder.center[dim];
      centroid += c * c;
    }
    for (int64_t row = 0; row < kRows; ++row) {
      if (encoded.leaf_of_row[row] != leaf) continue;
      sum += SquaredDistance(encoded.rows.view().row(row), encoded.encoder.center.data(), 10);
      ++size;
    }
    EXPECT_NEAR(encoded.norm_terms[leaf], sum / size - centroid, 1e-3);
  }
}

// Over the scale; with e the error of the codes and 0.4 the share of a residual that a query has,
// too.
TEST(EncoderTest, NormBlocksAddUpToTheNormTerm) {
  for (const int64_t dims : {1, 5, 10}) {
    const Encoded encoded(DistanceMeasure::kSquaredL2, dims, std::min<int64_t>(dims, 2), 0.2);
    const Encoder& encoder = encoded.encoder;
    EXPECT_EQ(encoder.num_code_blocks(), encoder.num_blocks() + kNormBlocks);
    const float* codebook = encoder.norm_codebooks.data();
    const double low = kNormBlocks * codebook[0], high = kNormBlocks * codebook[15];
    const double step = codebook[1] - codebook[0];
    int within = 0;
    encoded.ForEachRow([&](int64_t row, int64_t position) {
      const std::vector<int> codes = encoded.CodesAt(position);
      const int64_t leaf = encoded.leaf_of_row[row];
      const double scale = encoded.ScaleAt(position);
      double expected = encoded.norm_terms[leaf], found = 0;
      for (int64_t dim = 0; dim < dims; ++dim) {
        const float centroid = encoded.centroids.row(leaf)[dim];
        const double c = centroid - encoder.center[dim], r = encoded.rows.row(row)[dim] - centroid;
        const double e =
            r - scale * encoder.codebooks[dim * 16 + codes[dim / encoder.dims_per_block]];
        expected += 2 * (c + 0.4 * r) * e - 2 * c * r - r * r;
      }
      expected /= scale;
      within += expected >= low && expected <= high;
      for (int64_t b = 0; b < kNormBlocks; ++b) {
        found += encoder.norm_codebooks[b * 16 + codes[encoder.num_blocks() + b]];
      }
      EXPECT_NEAR(found, std::min(high, std::max(low, expected)), 0.5001 * step + 1e-3);
    });
    EXPECT_GT(within, 0.75 * kRows);
  }
}

// A residual of 0 has a scale of 0, which nothing can be divided by.
TEST(EncoderTest, ScalesOfZeroAreNoFailure) {
  Encoded encoded(DistanceMeasure::kSquaredL2, 10, 2, 0.2);
  std::fill(encoded.scales.begin(), encoded.scales.end(), uint8_t{0});
  encoded.encoder.ChooseNormCodebooks(encoded.rows, encoded.leaves, kRows);
  for (const float entry : encoded.encoder.norm_codebooks) EXPECT_EQ(entry, 0);
  TestContext context;
  TFSCANN_EXPECT_OK(
      encoded.encoder.EncodeLeaves(encoded.rows, encoded.leaves, context(), encoded.codes.data()));
}

TEST(EncoderTest, DoesNotDependOnThreads) {
  const Encoded one(DistanceMeasure::kSquaredL2, 10, 2, 0.2);
  const Encoded three(DistanceMeasure::kSquaredL2, 10, 2, 0.2, 3);
  EXPECT_EQ(three.codes, one.codes);
}

TEST(EncoderTest, StopsWhenCancelled) {
  Encoded encoded(DistanceMeasure::kDotProduct, 10, 2, 0.2);
  TestContext context;
  context.Cancel();
  EXPECT_THAT(
      encoded.encoder.EncodeLeaves(encoded.rows, encoded.leaves, context(), encoded.codes.data()),
      Fails(StatusCode::kCancelled, "the build was cancelled"));
}

}  // namespace
}  // namespace tfscann::testing
