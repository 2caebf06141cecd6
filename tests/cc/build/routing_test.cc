#include "cc/build/routing.h"

#include <algorithm>
#include <cmath>

#include "cc/build/leaves_of_rows.h"
#include "cc/build/made_up_users.h"
#include "cc/search/partitioner.h"
#include "cc/search/query.h"
#include "gtest/gtest.h"
#include "tests/cc/build/context.h"
#include "tests/cc/testing/brute_force.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/search.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kRows = 6000;
constexpr int64_t kDims = 32;
constexpr int64_t kLeaves = 160;

// Random directions, lengths between 1 and 3.
Matrix RowsOfManyLengths(uint64_t seed) {
  Matrix rows = RandomMatrix(kRows, kDims, seed);
  Random random(seed, 1, 0);
  for (int64_t i = 0; i < kRows; ++i) {
    const float factor = static_cast<float>(1 + 2 * random.Uniform() * random.Uniform());
    for (int64_t dim = 0; dim < kDims; ++dim) rows.row(i)[dim] *= factor;
  }
  return rows;
}

BuildConfig Config() {
  BuildConfig config;
  config.num_leaves = kLeaves;
  config.training_iterations = 4;
  return config;
}

// The parts of an index without what it has learned.
IndexParts Unlearned(IndexParts parts) {
  parts.parameters.learned_routing = false;
  parts.routing_vectors = {};
  parts.routing_offsets = {};
  parts.parameters.leaf_demand = {};
  return parts;
}

// The cost of the leaves up to the one after which a query has nine tenths of its neighbours, on
// average, leaves being ranked as the parts say.
double CostNeeded(const IndexParts& parts, const Matrix& rows, const Matrix& queries) {
  const auto leaves_of_row = LeavesOfRows(parts);
  const Partitioner partitioner(parts);
  QueryState state;
  SearchScratch scratch;
  double sum = 0;
  for (int64_t q = 0; q < queries.rows(); ++q) {
    PrepareQuery(parts, queries.row(q), &state.query);
    partitioner.ChooseLeaves(kLeaves, kLeaves, &state, &scratch);
    std::vector<double> after(kLeaves);  // the cost up to each leaf
    double cost = 0;
    for (const ChosenLeaf& chosen : Span<const ChosenLeaf>(state.chosen_leaves)) {
      cost += kLeafStart + parts.leaf_sizes[chosen.leaf];
      after[chosen.leaf] = cost;
    }
    std::vector<double> needed;
    for (const Neighbor& neighbor :
         BruteForce(DistanceMeasure::kDotProduct, rows, queries.row(q), 10, {})) {
      const auto& leaves = leaves_of_row[neighbor.row];
      needed.push_back(std::min(after[leaves[0]], after[leaves[1]]));
    }
    std::sort(needed.begin(), needed.end());
    sum += needed[8];
  }
  return sum / static_cast<double>(queries.rows());
}

Routing Learn(const IndexParts& parts, const Matrix& rows, int threads = 1, uint64_t seed = 1,
              MatrixView<const float> queries = {}) {
  TestContext context(threads, seed);
  Result<Routing> routing = LearnRouting(Index(parts, nullptr), rows, queries, 10, context());
  TFSCANN_EXPECT_OK(routing);
  return std::move(*routing);
}

class RoutingTest : public ::testing::Test {
 protected:
  // One for all tests: it takes a while.
  static const IndexFile& File() {
    static const IndexFile* const file = new IndexFile(BuildIndex(RowsOfManyLengths(1), Config()));
    return *file;
  }

  // Learned from rows and made-up users alone.
  static const Routing& Default() {
    static const Routing* const routing =
        new Routing(Learn(Unlearned(File().index->parts()), RowsOfManyLengths(1)));
    return *routing;
  }

  const Matrix rows_ = RowsOfManyLengths(1);
  const IndexFile& file_ = File();
  const IndexParts unlearned_ = Unlearned(file_.index->parts());
};

TEST_F(RoutingTest, NeighboursCostLess) {
  ASSERT_TRUE(file_.index->parameters().learned_routing);
  IndexParts learned = file_.index->parts();
  learned.parameters.leaf_demand = {};
  Matrix users(200, kDims);
  for (int64_t i = 0; i < 200; ++i) MakeUpUser(rows_, Random(9, 9, i), users.row(i));
  for (const Matrix& queries : {RowsOfManyLengths(2), users}) {
    Matrix some(200, kDims);
    for (int64_t i = 0; i < 200; ++i) std::copy_n(queries.view().row(i), kDims, some.row(i));
    EXPECT_LT(CostNeeded(learned, rows_, some), 0.97 * CostNeeded(unlearned_, rows_, some));
  }
}

// Biases are products with centroids and allowances, whatever ranks the leaves.
TEST_F(RoutingTest, BiasesAreThoseOfCentroids) {
  const Matrix queries = RandomMatrix(20, kDims, 3);
  IndexParts learned = file_.index->parts();
  learned.parameters.leaf_demand = {};
  for (int64_t q = 0; q < 20; ++q) {
    std::vector<float> biases[2];
    std::vector<int32_t> order[2];
    for (const bool is_learned : {false, true}) {
      const Partitioner partitioner(is_learned ? learned : unlearned_);
      QueryState state;
      SearchScratch scratch;
      PrepareQuery(unlearned_, queries.view().row(q), &state.query);
      partitioner.ChooseLeaves(kLeaves, kLeaves, &state, &scratch);
      biases[is_learned].resize(kLeaves);
      for (const ChosenLeaf& chosen : Span<const ChosenLeaf>(state.chosen_leaves)) {
        biases[is_learned][chosen.leaf] = chosen.bias;
        order[is_learned].push_back(chosen.leaf);
      }
    }
    EXPECT_NE(order[0], order[1]);
    for (int64_t leaf = 0; leaf < kLeaves; ++leaf) {
      EXPECT_NEAR(biases[0][leaf], biases[1][leaf], 1e-5 * (1 + std::fabs(biases[0][leaf])));
    }
  }
}

TEST_F(RoutingTest, DependsOnTheSeedAndNotOnThreads) {
  const Routing& routing = Default();
  ASSERT_EQ(routing.offsets.size(), static_cast<size_t>(kLeaves));
  ASSERT_EQ(routing.vectors.size(), static_cast<size_t>(kLeaves * kDims));
  const Routing again = Learn(unlearned_, rows_, 3);
  EXPECT_EQ(again.vectors, routing.vectors);
  EXPECT_EQ(again.offsets, routing.offsets);
  EXPECT_NE(Learn(unlearned_, rows_, 1, 2).vectors, routing.vectors);
}

// Queries that are unlike the rows and the made-up users find more of their kind.
TEST_F(RoutingTest, GivenQueriesAreLearnedFrom) {
  const auto narrow = [](int64_t count, uint64_t seed) {
    Matrix queries = RandomMatrix(count, kDims, seed);
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t dim = 0; dim < kDims; ++dim) queries.row(i)[dim] += dim % 2 == 0 ? 1.0f : -0.5f;
    }
    return queries;
  };
  const auto cost = [&](const Routing& routing) {
    std::vector<int8_t> vectors(kLeaves * Int8RowBytes(kDims) + kInt8Overread);
    for (int64_t leaf = 0; leaf < kLeaves; ++leaf) {
      Int8Rows::Encode(routing.vectors.data() + leaf * kDims, kDims,
                       vectors.data() + leaf * Int8RowBytes(kDims));
    }
    IndexParts learned = unlearned_;
    learned.parameters.learned_routing = true;
    learned.routing_vectors = vectors;
    learned.routing_offsets = routing.offsets;
    return CostNeeded(learned, rows_, narrow(200, 7));
  };
  const Routing routing = Learn(unlearned_, rows_, 2, 1, narrow(5000, 5));
  ASSERT_FALSE(routing.offsets.empty());
  EXPECT_LT(cost(routing), 0.97 * cost(Default()));
}

// Where products overflow nothing can be learned.
TEST(RoutingOfOverflowingRowsTest, TheBuildSucceeds) {
  Matrix rows = RandomMatrix(500, 8, 1);
  for (int64_t i = 0; i < 4000; ++i) rows.row(0)[i] *= i % 16 < 8 ? 0x1p125f : 0x1p127f;
  BuildConfig config;
  config.num_leaves = kMinRoutedLeaves;
  const IndexFile file = BuildIndex(rows, config);
  const Results best = Search(*file.index, rows, Exhaustive(1));
  for (const int32_t row : best.rows) EXPECT_GE(row, 0);
}

// Equal directions, equal rows, zeros: nothing to learn, and no harm.
TEST(RoutingOfDegenerateRowsTest, TheBuildSucceeds) {
  for (const int kind : {0, 1, 2}) {
    Random random(1, 0, 0);
    const Matrix rows = MakeMatrix(500, 4, [&] {
      if (kind == 0) return static_cast<float>(IntegerIn(&random, 0, 1));
      return kind == 1 ? 0.0f : static_cast<float>(random.Uniform());
    });
    BuildConfig config;
    config.num_leaves = 100;
    const IndexFile file = BuildIndex(rows, config);
    const Results found = Search(*file.index, rows, Exhaustive(3));
    for (const int32_t row : found.rows) EXPECT_GE(row, 0);
  }
}

// Before it starts, among the searches, and while it learns.
TEST_F(RoutingTest, StopsWhenCancelled) {
  for (const int polls : {0, 5, 60}) {
    int left = polls;
    ThreadExecutor executor(2, [&] { return --left > 0; });
    if (polls == 0) executor.Cancel();
    const BuildContext context = {&executor, nullptr, 1};
    EXPECT_THAT(LearnRouting(Index(unlearned_, nullptr), rows_, {}, 10, context),
                Fails(StatusCode::kCancelled, "the build was cancelled"));
  }
}

// Equal lengths say nothing of demand.
TEST(LearnedRoutingTest, IsForDotProductsOfRowsOfDifferentLengths) {
  Matrix unit = RowsOfManyLengths(1);
  for (int64_t i = 0; i < kRows; ++i) Normalize(unit.row(i), kDims);
  EXPECT_FALSE(BuildIndex(unit, Config()).index->parameters().learned_routing);
  BuildConfig config = Config();
  config.distance_measure = DistanceMeasure::kSquaredL2;
  EXPECT_FALSE(BuildIndex(RowsOfManyLengths(1), config).index->parameters().learned_routing);
  config = Config();
  config.num_leaves = kMinRoutedLeaves - 1;
  EXPECT_FALSE(BuildIndex(RowsOfManyLengths(1), config).index->parameters().learned_routing);
}

}  // namespace
}  // namespace tfscann::testing
