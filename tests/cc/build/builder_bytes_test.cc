// Which bytes a build writes, and that it writes all or none.
#include <set>
#include <vector>

#include "cc/build/builder.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/search.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kRows = 500;
constexpr int64_t kDims = 40;  // enough for codes to heed the directions of queries

struct Kind {
  const char* name;
  BuildConfig config;
  IdentifierValues identifiers;
};

std::vector<Kind> AllKinds() {
  BuildConfig exact, dot, cosine, l2;
  for (BuildConfig* tree : {&dot, &cosine, &l2}) {
    tree->num_leaves = 25;
    tree->training_iterations = 3;
  }
  // Tuning takes longest; one that has little to choose is done soon.
  for (BuildConfig* tree : {&dot, &cosine, &l2}) tree->num_reordering_candidates = 30;
  l2.num_leaves_to_search = 3;
  exact.reordering_dtype = ReorderingDtype::kInt8;
  cosine.distance_measure = DistanceMeasure::kCosine;
  cosine.soar_lambda = 0;
  l2.distance_measure = DistanceMeasure::kSquaredL2;
  l2.reordering_dtype = ReorderingDtype::kInt8;
  IdentifierValues strings = {IdentifierType::kString, {}};
  for (int64_t i = 0; i < kRows; ++i) strings.values.push_back(std::to_string(i * i));
  return {{"exact", exact, strings},
          {"dot product", dot, {}},
          {"cosine", cosine, strings},
          {"squared L2, int8", l2, NumericIdentifiers<int64_t>(IdentifierType::kInt64, kRows, 5)}};
}

const Matrix& Rows() {
  static const Matrix& rows = *new Matrix(ClusteredMatrix(kRows, kDims, 30, 1));
  return rows;
}

std::string Build(const Kind& kind, int threads, uint64_t seed = 0) {
  const TempFolder folder;
  BuildConfig config = kind.config;
  config.seed = seed;
  BuildFile(folder.Path("index"), Rows(), config, kind.identifiers, threads);
  EXPECT_EQ(folder.Files(), std::vector<std::string>{"index"});
  return ReadFile(folder.Path("index"));
}

TEST(BuilderBytesTest, OneSeedGivesTheSameBytesAtAnyThreadCount) {
  for (const Kind& kind : AllKinds()) {
    const std::string bytes = Build(kind, 1);
    for (const int threads : {1, 2, 5}) {
      EXPECT_TRUE(Build(kind, threads) == bytes) << kind.name << ", " << threads << " threads";
    }
    EXPECT_FALSE(Build(kind, 1, /*seed=*/1) == bytes) << kind.name;
  }
}

TEST(BuilderBytesTest, BatchesGiveTheBytesOfOneBatch) {
  for (const Kind& kind : AllKinds()) {
    const TempFolder folder;
    const std::string path = folder.Path("index");
    const std::unique_ptr<Builder> builder = std::move(*Builder::Create(path, kDims, kind.config));
    const std::vector<std::string_view> values(kind.identifiers.values.begin(),
                                               kind.identifiers.values.end());
    int64_t size = 1;
    for (int64_t begin = 0; begin < kRows; begin += size, size = size * 3 % 1000 + 1) {
      const int64_t count = std::min(size, kRows - begin);
      TFSCANN_ASSERT_OK(builder->Add(Rows().view().Rows(begin, count)));
      EXPECT_EQ(builder->num_candidates(), begin + count);
      if (!values.empty()) {
        TFSCANN_ASSERT_OK(builder->AddIdentifiers(
            kind.identifiers.type, {values.begin() + begin, values.begin() + begin + count}));
      }
    }
    InlineExecutor executor;
    TFSCANN_ASSERT_OK(builder->Finish(&executor, nullptr));
    EXPECT_TRUE(ReadFile(path) == Build(kind, 1)) << kind.name;
  }
}

// Runs a build that is cancelled at the `cancel_at`-th report; returns the stages that were
// reported.
std::vector<std::string> BuildUntil(const Kind& kind, const std::string& path, size_t cancel_at) {
  std::vector<std::string> stages;
  const std::unique_ptr<Builder> builder = std::move(*Builder::Create(path, kDims, kind.config));
  TFSCANN_EXPECT_OK(builder->Add(Rows()));
  if (kind.identifiers.type != IdentifierType::kRowNumber) {
    TFSCANN_EXPECT_OK(builder->AddIdentifiers(
        kind.identifiers.type, {kind.identifiers.values.begin(), kind.identifiers.values.end()}));
  }
  ThreadExecutor executor(2);
  const Result<Builder::Report> report =
      builder->Finish(&executor, [&](const char* stage, int64_t done, int64_t total) {
        EXPECT_LE(0, done);
        EXPECT_LE(done, total);
        stages.push_back(stage);
        if (stages.size() == cancel_at) executor.Cancel();
      });
  if (executor.cancelled()) {
    EXPECT_THAT(report, Fails(StatusCode::kCancelled, "the build was cancelled"));
  } else {
    TFSCANN_EXPECT_OK(report);
  }
  return stages;
}

TEST(BuilderBytesTest, CancellingLeavesWhatWasThere) {
  for (const Kind& kind : AllKinds()) {
    const TempFolder folder;
    const std::string path = folder.Path("index");
    const std::vector<std::string> stages = BuildUntil(kind, path, 0);
    ASSERT_EQ(stages.back(), "writing");
    std::filesystem::remove(path);
    // At the first report of each stage. The last report is made when all is done.
    std::set<std::string> seen;
    for (size_t i = 0; i + 1 < stages.size(); ++i) {
      if (!seen.insert(stages[i]).second) continue;
      EXPECT_EQ(BuildUntil(kind, path, i + 1).back(), stages[i]);
      EXPECT_TRUE(folder.Files().empty()) << "cancelled in '" << stages[i] << "'";
    }
    if (kind.config.num_leaves.has_value()) {
      EXPECT_EQ(seen.count("training leaves") + seen.count("assigning leaves") +
                    seen.count("training codebooks") + seen.count("encoding candidates") +
                    seen.count("measuring recall") + seen.count("writing"),
                6u);
    }
    WriteFile(path, "what was there");
    BuildUntil(kind, path, 1);
    EXPECT_EQ(ReadFile(path), "what was there");
  }
}

TEST(BuilderBytesTest, ABuilderThatIsGivenUpLeavesNothing) {
  for (const Kind& kind : AllKinds()) {
    const TempFolder folder;
    {
      const std::unique_ptr<Builder> builder =
          std::move(*Builder::Create(folder.Path("index"), kDims, kind.config));
      TFSCANN_EXPECT_OK(builder->Add(Rows()));
      EXPECT_FALSE(folder.Files().empty());
    }
    EXPECT_TRUE(folder.Files().empty());
  }
}

}  // namespace
}  // namespace tfscann::testing
