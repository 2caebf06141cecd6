// The C++ interface against the engine below it.
#include "tensorflow_scann/searcher.h"

#include <cmath>
#include <limits>
#include <thread>

#include "gtest/gtest.h"
#include "tests/cc/search/exact_config.h"
#include "tests/cc/testing/temp_folder.h"

namespace tfscann::testing {
namespace {

using ::tensorflow_scann::Searcher;
using Code = ::tensorflow_scann::Status::Code;

constexpr DistanceMeasure kMeasure = DistanceMeasure::kDotProduct;

std::unique_ptr<Searcher> MustOpen(const std::string& path) {
  std::unique_ptr<Searcher> searcher;
  const tensorflow_scann::Status status = Searcher::Open(path, &searcher);
  EXPECT_TRUE(status.ok()) << status.message();
  return searcher;
}

class SearcherTest : public ::testing::Test {
 protected:
  SearcherTest()
      : rows_(ExactMatrix(kMeasure, 300, 6, 1)), queries_(ExactMatrix(kMeasure, 9, 6, 2)) {
    IdentifierValues names = {IdentifierType::kString, {}};
    for (int row = 0; row < 300; ++row) names.values.push_back("item " + std::to_string(row % 299));
    BuildFile(folder_.Path("index"), rows_, TreeConfig(kMeasure, 12), names);
    searcher_ = MustOpen(folder_.Path("index"));
    for (int64_t q = 0; q < 9; ++q) flat_.insert(flat_.end(), queries_.row(q), queries_.row(q) + 6);
  }

  TempFolder folder_;
  const Matrix rows_;
  const Matrix queries_;
  std::vector<float> flat_;  // the same, one after the other
  std::unique_ptr<Searcher> searcher_;
};

TEST_F(SearcherTest, FindsWhatTheEngineFinds) {
  EXPECT_EQ(searcher_->num_candidates(), 300);
  EXPECT_EQ(searcher_->dimensions(), 6);
  EXPECT_EQ(searcher_->distance_measure(), tensorflow_scann::DistanceMeasure::kDotProduct);
  EXPECT_EQ(searcher_->identifier_type(), tensorflow_scann::IdentifierType::kString);
  EXPECT_NE(searcher_->Describe().find("\"num_leaves\""), std::string::npos);

  tensorflow_scann::SearchOptions options;
  options.k = 7;
  options.num_leaves_to_search = 1000;  // all
  options.num_reordering_candidates = 1000;
  std::vector<float> scores(9 * 7);
  std::vector<int32_t> rows(9 * 7);
  const auto status = searcher_->Search(flat_.data(), 9, options, scores.data(), rows.data());
  ASSERT_TRUE(status.ok()) << status.message();
  for (int64_t q = 0; q < 9; ++q) {
    const auto expected = Expected(kMeasure, rows_, queries_.row(q), 7);
    const int32_t* const found = rows.data() + q * 7;
    const float* const of_found = scores.data() + q * 7;
    EXPECT_EQ(std::vector<int32_t>(found, found + 7), expected.rows);
    EXPECT_EQ(std::vector<float>(of_found, of_found + 7), expected.scores);
  }
}

TEST_F(SearcherTest, FindsRowsByIdentifier) {
  EXPECT_EQ(searcher_->StringIdentifier(5), "item 5");
  EXPECT_EQ(searcher_->FindRows("item 5"), std::vector<int32_t>({5}));
  EXPECT_EQ(searcher_->FindRows("item 0"), std::vector<int32_t>({0, 299}));
  EXPECT_TRUE(searcher_->FindRows("item").empty());
  EXPECT_TRUE(searcher_->FindRows(5).empty());
  EXPECT_EQ(searcher_->StringIdentifier(300), "");
  EXPECT_EQ(searcher_->StringIdentifier(-1), "");
  EXPECT_EQ(searcher_->IntegerIdentifier(5), -1);
  EXPECT_TRUE(std::isnan(searcher_->FloatIdentifier(5)));
}

TEST_F(SearcherTest, IdentifiersOfOtherTypes) {
  const auto open = [&](const IdentifierValues& identifiers) {
    BuildFile(folder_.Path("other"), rows_, ExactConfig(kMeasure), identifiers);
    return MustOpen(folder_.Path("other"));
  };
  auto searcher = open({});
  EXPECT_EQ(searcher->identifier_type(), tensorflow_scann::IdentifierType::kInt32);
  EXPECT_EQ(searcher->IntegerIdentifier(7), 7);
  EXPECT_EQ(searcher->FindRows(7), std::vector<int32_t>({7}));
  EXPECT_TRUE(searcher->FindRows(300).empty());
  EXPECT_TRUE(searcher->FindRows(-1).empty());

  searcher = open(NumericIdentifiers<int32_t>(IdentifierType::kInt32, 300, 10));
  EXPECT_EQ(searcher->IntegerIdentifier(7), 70);
  EXPECT_EQ(searcher->FindRows(70), std::vector<int32_t>({7}));
  EXPECT_TRUE(searcher->FindRows((int64_t{1} << 32) + 70).empty());

  const int64_t step = int64_t{1} << 40;
  searcher = open(NumericIdentifiers<int64_t>(IdentifierType::kInt64, 300, step));
  EXPECT_EQ(searcher->identifier_type(), tensorflow_scann::IdentifierType::kInt64);
  EXPECT_EQ(searcher->IntegerIdentifier(7), 7 * step);
  EXPECT_EQ(searcher->FindRows(7 * step), std::vector<int32_t>({7}));

  searcher = open(NumericIdentifiers<float>(IdentifierType::kFloat32, 300, 0.5f));
  EXPECT_EQ(searcher->FloatIdentifier(7), 3.5);
  searcher = open(NumericIdentifiers<double>(IdentifierType::kFloat64, 300, 0.5));
  EXPECT_EQ(searcher->identifier_type(), tensorflow_scann::IdentifierType::kFloat64);
  EXPECT_EQ(searcher->FloatIdentifier(7), 3.5);
  EXPECT_TRUE(searcher->FindRows("7").empty());
}

TEST_F(SearcherTest, ExcludesRows) {
  tensorflow_scann::SearchOptions options;
  options.k = 300;
  options.excluded_rows.resize(9);
  options.excluded_rows[3] = {0, 17, 299, 17};
  std::vector<float> scores(9 * 300);
  std::vector<int32_t> rows(9 * 300);
  ASSERT_TRUE(searcher_->Search(flat_.data(), 9, options, scores.data(), rows.data()).ok());
  const std::set<int32_t> found(rows.data() + 3 * 300, rows.data() + 4 * 300);
  EXPECT_EQ(found.size(), 298u);  // 297 rows, and -1
  for (const int32_t row : {0, 17, 299}) EXPECT_EQ(found.count(row), 0u) << row;
  EXPECT_EQ(scores[4 * 300 - 1], -std::numeric_limits<float>::infinity());
  EXPECT_EQ(std::set<int32_t>(rows.data(), rows.data() + 300).size(), 300u);
}

TEST_F(SearcherTest, RefusesBadArguments) {
  std::vector<float> scores(90);
  std::vector<int32_t> rows(90);
  const auto search = [&](int64_t num_queries, const tensorflow_scann::SearchOptions& options) {
    return searcher_->Search(flat_.data(), num_queries, options, scores.data(), rows.data());
  };
  const auto expect = [](const tensorflow_scann::Status& status, const std::string& message) {
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_EQ(status.message(), message);
  };
  expect(search(-1, {}), "num_queries is -1, but must be at least 0");
  tensorflow_scann::SearchOptions options;
  options.k = 0;
  expect(search(9, options), "k is 0, but must be at least 1");
  options = {};
  options.num_leaves_to_search = -2;
  expect(search(9, options), "num_leaves_to_search is -2, but must be at least 0");
  options = {};
  options.num_reordering_candidates = -2;
  expect(search(9, options), "num_reordering_candidates is -2, but must be at least 0");
  options = {};
  options.excluded_rows.resize(8);
  expect(search(9, options), "excluded_rows has 8 lists for 9 queries");
  options.excluded_rows = {{300}};
  expect(search(1, options), "excluded_rows has row 300, but must be in [0, 300)");
  options.excluded_rows = {{-1}};
  expect(search(1, options), "excluded_rows has row -1, but must be in [0, 300)");
  EXPECT_TRUE(search(0, {}).ok());
}

TEST_F(SearcherTest, FilesThatAreNoIndex) {
  std::unique_ptr<Searcher> searcher;
  EXPECT_EQ(Searcher::Open(folder_.Path("none"), &searcher).code(), Code::kNotFound);
  std::string bytes = ReadFile(folder_.Path("index"));
  bytes[bytes.size() / 2] ^= 1;
  WriteFile(folder_.Path("damaged"), bytes);
  const tensorflow_scann::Status status = Searcher::Open(folder_.Path("damaged"), &searcher);
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_NE(status.message().find("section '"), std::string::npos) << status.message();
  EXPECT_EQ(searcher, nullptr);
}

TEST_F(SearcherTest, ManyThreadsSearchOne) {
  std::vector<float> expected_scores(90);
  std::vector<int32_t> expected(90);
  ASSERT_TRUE(searcher_->Search(flat_.data(), 9, {}, expected_scores.data(), expected.data()).ok());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        std::vector<float> scores(90);
        std::vector<int32_t> rows(90);
        EXPECT_TRUE(searcher_->Search(flat_.data(), 9, {}, scores.data(), rows.data()).ok());
        EXPECT_EQ(rows, expected);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace tfscann::testing
