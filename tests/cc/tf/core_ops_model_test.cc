// A model of tfscann.export(..., ops="tensorflow") in a server that has none of our ops.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tensorflow/core/framework/op.h"
#include "tests/cc/tf/model_server.h"
#include "tests/cc/tf/served_models.h"

namespace tfscann::testing {
namespace {

using ::tensorflow::Tensor;

constexpr int64_t kNumQueries = 200;

// The same candidates and settings as version 1's.
std::string CoreOpsPath() { return Models().Path("core_ops/1"); }

bool IsRegistered(const std::string& op) {
  const tensorflow::OpDef* op_def = nullptr;
  return tensorflow::OpRegistry::Global()->LookUpOpDef(op, &op_def).ok();
}

// Scores within the stated tolerance; identifiers wherever no other score is that close.
void ExpectAnswers(const Tensors& outputs, const Answers& answers, int64_t first, int64_t count) {
  const auto scores = outputs.at("scores").flat<float>();
  const auto identifiers = outputs.at("identifiers").flat<tensorflow::tstring>();
  ASSERT_EQ(scores.size(), count * kK);
  for (int64_t i = 0; i < count * kK; ++i) {
    const int64_t j = first * kK + i;
    const float score = answers.scores[j];
    const float tolerance = 2e-5f * std::max(1.0f, std::abs(score));
    EXPECT_NEAR(scores(i), score, tolerance) << "result " << i % kK << " of query " << j / kK;
    const float before = i % kK > 0 ? answers.scores[j - 1] : std::numeric_limits<float>::max();
    // After the last one there may be another with the same score.
    const float after = i % kK < kK - 1 ? answers.scores[j + 1] : score;
    if (before - score > 2 * tolerance && score - after > 2 * tolerance) {
      EXPECT_EQ(std::string(identifiers(i)), answers.identifiers[j])
          << "result " << i % kK << " of query " << j / kK;
    }
  }
}

TEST(CoreOpsModelTest, AServerWithoutOurOpsAnswersAsTheEngineDoes) {
  ASSERT_FALSE(IsRegistered("ScannSearch"));
  ASSERT_FALSE(IsRegistered("ScannSearcher"));
  EXPECT_TRUE(IsRegistered("MatMul"));

  ModelServer server(/*num_batch_threads=*/2);
  server.Serve("1", MustLoad(CoreOpsPath()));
  EXPECT_EQ(server.CurrentVersion()->model().num_warmup_requests(), 2 * 2);
  EXPECT_TRUE(std::filesystem::is_empty(CoreOpsPath() + "/assets"));

  // Every candidate in the leaves that are searched is scored exactly.
  const Tensor queries = Queries(kNumQueries, 1);
  SearchOptions options;
  options.num_reordering_candidates = std::numeric_limits<int32_t>::max();
  const Answers answers = EngineAnswers(VersionPath(1), queries, options);
  std::vector<std::thread> clients;
  for (int64_t client = 0; client < 4; ++client) {
    clients.emplace_back([&, client] {
      // Sizes that the server pads, and others.
      for (int64_t first = client * 50, count = 1; first < (client + 1) * 50; first += count) {
        count = std::min<int64_t>(1 + first % 4, (client + 1) * 50 - first);
        const absl::StatusOr<Tensors> outputs = server.CurrentVersion()->Predict(
            {"serving_default", {{"queries", queries.Slice(first, first + count)}}});
        ASSERT_TRUE(outputs.ok()) << outputs.status();
        ExpectAnswers(*outputs, answers, first, count);
      }
    });
  }
  for (std::thread& client : clients) client.join();
}

TEST(CoreOpsModelTest, AServerWithoutOurOpsRefusesAModelThatWantsThem) {
  const absl::Status status = LoadedModel::Load(VersionPath(1)).status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("Scann"), absl::string_view::npos) << status;
}

}  // namespace
}  // namespace tfscann::testing
