#include "cc/build/tuner.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "cc/build/sample.h"
#include "cc/search/partitioner.h"
#include "cc/search/query.h"
#include "gtest/gtest.h"
#include "tests/cc/build/context.h"
#include "tests/cc/testing/brute_force.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/search.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kRows = 600;
constexpr int64_t kDims = 8;

class TunerTest : public ::testing::Test {
 protected:
  static BuildConfig TreeConfig() {
    BuildConfig config;
    config.num_leaves = 40;
    config.training_iterations = 3;
    return config;
  }

  Tuning Tune(const BuildConfig& config, int threads = 1,
              MatrixView<const float> queries = {}) const {
    TestContext context(threads);
    Result<Tuning> tuning = tfscann::Tune(*file_.index, rows_, queries, config, context());
    TFSCANN_EXPECT_OK(tuning);
    return *tuning;
  }

  // Of the first k results of one query, those that brute force finds too; and how many it finds.
  void Count(const Tuning& tuning, const float* query, int64_t k, const std::set<int32_t>& excluded,
             double* hits, double* wanted) const {
    SearchOptions options;
    options.k = k;
    options.num_leaves_to_search = tuning.num_leaves_to_search;
    options.num_reordering_candidates = tuning.num_reordering_candidates;
    IndexParts parts = file_.index->parts();
    parts.parameters.leaf_demand = tuning.leaf_demand;
    const Results found = Search(Index(parts, nullptr), {query, 1, kDims}, options,
                                 {{excluded.begin(), excluded.end()}});
    const std::set<int32_t> rows(found.rows.begin(), found.rows.end());
    for (const Neighbor& neighbor :
         BruteForce(DistanceMeasure::kDotProduct, rows_, query, k, excluded)) {
      *hits += static_cast<double>(rows.count(neighbor.row));
      ++*wanted;
    }
  }

  // What the tuner says it measures: sampled rows, each left out of its own results.
  double Recall(const Tuning& tuning, int64_t k) const {
    double hits = 0, wanted = 0;
    for (const int64_t row : SampleSorted(kRows, 512, 1, kTuningSampleStage)) {
      Count(tuning, rows_.row(row), k, {static_cast<int32_t>(row)}, &hits, &wanted);
    }
    return hits / wanted;
  }

  // The same of the made-up users: four rows that they like minus two that they do not.
  double RecallOfUsers(const Tuning& tuning, int64_t k) const {
    double hits = 0, wanted = 0;
    for (uint64_t user = 0; user < 256; ++user) {
      Random random(1, kTuningUserStage, user);
      std::vector<float> query(kDims, 0.0f);
      for (const float weight : {0.25f, 0.25f, 0.25f, 0.25f, -0.25f, -0.25f}) {
        const float* row = rows_.row(static_cast<int64_t>(random.Below(kRows)));
        for (int64_t dim = 0; dim < kDims; ++dim) query[dim] += weight * row[dim];
      }
      Count(tuning, query.data(), k, {}, &hits, &wanted);
    }
    return hits / wanted;
  }

  const Matrix rows_ = RandomMatrix(kRows, kDims, 1);
  const IndexFile& file_ = SharedFile();

 private:
  static const IndexFile& SharedFile() {
    static const IndexFile& file =
        *new IndexFile(BuildIndex(RandomMatrix(kRows, kDims, 1), TreeConfig()));
    return file;
  }
};

TEST_F(TunerTest, MeasuresTheRecallThatASearchHas) {
  for (const double target : {0.5, 0.8, 0.95}) {
    BuildConfig config = TreeConfig();
    config.target_recall = target;
    const Tuning tuning = Tune(config);
    EXPECT_GE(tuning.measured_recall, target);
    // Brute force in double precision may see near ties the other way round.
    EXPECT_NEAR(tuning.measured_recall, Recall(tuning, config.k), 0.001);
  }
}

// Queries of different difficulty get different numbers of leaves, which are those asked for on
// average.
TEST_F(TunerTest, LearnsWhatQueriesNeed) {
  const Matrix rows = ClusteredMatrix(4000, 16, 100, 3);
  BuildConfig config;
  config.num_leaves = 200;
  config.training_iterations = 3;
  const IndexFile file = BuildIndex(rows, config);
  const IndexParameters& parameters = file.index->parameters();
  EXPECT_NE(parameters.leaf_demand.best_weight, 0);

  IndexParts parts = file.index->parts();
  const Partitioner partitioner(parts);
  SearchScratch scratch;
  QueryState query;
  double sum = 0, squares = 0;
  for (int64_t row = 0; row < rows.rows(); ++row) {
    PrepareQuery(parts, rows.row(row), &query.query);
    partitioner.ChooseLeaves(40, 40, &query, &scratch);
    const double leaves = static_cast<double>(query.chosen_leaves.size());
    sum += leaves / 4000;
    squares += leaves * leaves / 4000;
  }
  // The queries of the build are made-up users, too, who need more.
  EXPECT_GT(sum, 20);
  EXPECT_LT(sum, 50);
  EXPECT_GT(std::sqrt(squares - sum * sum), 2);
}

// The rows' lengths differ.
TEST_F(TunerTest, MadeUpUsersReachTheTargetToo) {
  for (const double target : {0.8, 0.9, 0.97}) {
    BuildConfig config = TreeConfig();
    config.target_recall = target;
    const Tuning tuning = Tune(config);
    EXPECT_GE(RecallOfUsers(tuning, config.k), target - 0.001);
    // With half of the leaves, they or the rows do not.
    ASSERT_GE(tuning.num_leaves_to_search, 2);
    Tuning fewer = tuning;
    fewer.num_leaves_to_search /= 2;
    EXPECT_LT(std::min(RecallOfUsers(fewer, config.k), Recall(fewer, config.k)), target);
  }
}

// Queries unlike the rows: sums of many are near nothing.
TEST_F(TunerTest, MeasuresWithTheQueriesGiven) {
  Matrix queries = RandomMatrix(300, kDims, 5);
  for (int64_t i = 0; i < queries.rows(); ++i) {
    float* query = queries.row(i);
    for (int64_t dim = 0; dim < kDims; ++dim) query[dim] = 10 + 0.01f * query[dim];
  }
  for (const double target : {0.6, 0.9}) {
    BuildConfig config = TreeConfig();
    config.target_recall = target;
    const Tuning tuning = Tune(config, 1, queries);
    double hits = 0, wanted = 0;
    for (int64_t i = 0; i < queries.rows(); ++i) {
      Count(tuning, queries.row(i), config.k, {}, &hits, &wanted);
    }
    EXPECT_GE(tuning.measured_recall, target);
    EXPECT_NEAR(tuning.measured_recall, hits / wanted, 0.001);
    EXPECT_NE(tuning.num_leaves_to_search, Tune(config).num_leaves_to_search);
  }
}

TEST_F(TunerTest, MoreRecallTakesMoreWork) {
  int64_t leaves = 0;
  for (const double target : {0.3, 0.6, 0.9, 0.99}) {
    BuildConfig config = TreeConfig();
    config.target_recall = target;
    const Tuning tuning = Tune(config);
    EXPECT_GT(tuning.num_leaves_to_search, leaves);
    leaves = tuning.num_leaves_to_search;
  }
}

TEST_F(TunerTest, LeavesWhatWasChosenAlone) {
  BuildConfig config = TreeConfig();
  config.num_leaves_to_search = 7;
  EXPECT_EQ(Tune(config).num_leaves_to_search, 7);
  config.num_reordering_candidates = 33;
  const Tuning both = Tune(config);
  EXPECT_EQ(both.num_leaves_to_search, 7);
  EXPECT_EQ(both.num_reordering_candidates, 33);
  EXPECT_NEAR(both.measured_recall, Recall(both, config.k), 0.001);
  config.num_leaves_to_search.reset();
  EXPECT_EQ(Tune(config).num_reordering_candidates, 33);
}

TEST_F(TunerTest, DoesItsBestWhereTheTargetIsOutOfReach) {
  BuildConfig config = TreeConfig();
  config.target_recall = 1;
  config.num_leaves_to_search = 2;
  const Tuning tuning = Tune(config);
  EXPECT_LT(tuning.measured_recall, 1);
  EXPECT_GT(tuning.measured_recall, 0);
}

TEST_F(TunerTest, DoesNotDependOnThreads) {
  const Tuning one = Tune(TreeConfig()), four = Tune(TreeConfig(), 4);
  EXPECT_EQ(one.num_leaves_to_search, four.num_leaves_to_search);
  EXPECT_EQ(one.num_reordering_candidates, four.num_reordering_candidates);
  EXPECT_EQ(one.measured_recall, four.measured_recall);
}

TEST_F(TunerTest, StopsWhenCancelled) {
  TestContext context;
  context.Cancel();
  EXPECT_THAT(tfscann::Tune(*file_.index, rows_, {}, TreeConfig(), context()),
              Fails(StatusCode::kCancelled, "the build was cancelled"));
}

TEST(TuneSmallTest, OneCandidateHasNoNeighboursToMiss) {
  BuildConfig config;
  config.num_leaves = 1;
  const IndexFile file = BuildIndex(RandomMatrix(1, 3, 1), config);
  EXPECT_EQ(file.index->parameters().measured_recall, 1);
}

}  // namespace
}  // namespace tfscann::testing
