#include "cc/build/builder.h"

#include <numeric>
#include <set>

#include "cc/io/index_file.h"
#include "cc/search/code_error.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/search.h"

namespace tfscann::testing {
namespace {

constexpr int64_t kDims = 4;

std::unique_ptr<Builder> NewBuilder(const std::string& path, int64_t dims = kDims,
                                    const BuildConfig& config = {}) {
  Result<std::unique_ptr<Builder>> builder = Builder::Create(path, dims, config);
  TFSCANN_EXPECT_OK(builder);
  return std::move(*builder);
}

Result<Builder::Report> Finish(Builder* builder) {
  InlineExecutor executor;
  return builder->Finish(&executor, nullptr);
}

BuildConfig TreeConfig(int64_t num_leaves) {
  BuildConfig config;
  config.num_leaves = num_leaves;
  return config;
}

TEST(BuilderTest, CreateRefusesBadArguments) {
  const TempFolder folder;
  const std::string path = folder.Path("index");
  EXPECT_THAT(Builder::Create(path, 0, {}),
              Fails(StatusCode::kInvalidArgument,
                    "candidates have 0 dimensions, but must have 1 to 16384"));
  EXPECT_THAT(Builder::Create(path, 16385, {}),
              Fails(StatusCode::kInvalidArgument,
                    "candidates have 16385 dimensions, but must have 1 to 16384"));
  EXPECT_THAT(Builder::Create(path, 4, TreeConfig(0)),
              Fails(StatusCode::kInvalidArgument, "num_leaves is 0"));
  EXPECT_THAT(Builder::Create(folder.Path("missing/index"), 4, {}),
              Fails(StatusCode::kNotFound, "cannot create"));
  EXPECT_TRUE(folder.Files().empty());
}

TEST(BuilderTest, AddRefusesRowsThatDoNotFit) {
  const TempFolder folder;
  const std::unique_ptr<Builder> builder = NewBuilder(folder.Path("index"));
  TFSCANN_ASSERT_OK(builder->Add(RandomMatrix(10, kDims, 1)));
  EXPECT_THAT(
      builder->Add(RandomMatrix(10, 5, 1)),
      Fails(StatusCode::kInvalidArgument, "candidates have 5 dimensions, but those before had 4"));
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    Matrix rows = RandomMatrix(10, kDims, 1);
    rows.row(3)[2] = bad;
    EXPECT_THAT(builder->Add(rows), Fails(StatusCode::kInvalidArgument,
                                          "candidates: row 13 has a NaN or infinite value"));
  }
}

TEST(BuilderTest, FinishWantsCandidates) {
  const TempFolder folder;
  EXPECT_THAT(Finish(NewBuilder(folder.Path("index")).get()),
              Fails(StatusCode::kInvalidArgument, "candidates: there are none"));
  const std::unique_ptr<Builder> builder = NewBuilder(folder.Path("index"));
  TFSCANN_ASSERT_OK(builder->Add(Matrix(0, kDims)));
  EXPECT_THAT(Finish(builder.get()),
              Fails(StatusCode::kInvalidArgument, "candidates: there are none"));
}

TEST(BuilderTest, IdentifiersMustBeOneForEachRowAndOfOneType) {
  const TempFolder folder;
  const std::unique_ptr<Builder> builder = NewBuilder(folder.Path("index"));
  TFSCANN_ASSERT_OK(builder->Add(RandomMatrix(3, kDims, 1)));
  TFSCANN_ASSERT_OK(builder->AddIdentifiers(IdentifierType::kString, {"a", "b"}));
  EXPECT_THAT(
      builder->AddIdentifiers(IdentifierType::kInt32, {"1234"}),
      Fails(StatusCode::kInvalidArgument, "identifiers have another dtype than those before"));
  EXPECT_THAT(Finish(builder.get()),
              Fails(StatusCode::kInvalidArgument, "there are 2 identifiers for 3 candidates"));
}

// As many as rows, in any number of parts, before or after them; and rows are found by them.
void ExpectIdentifiersFindTheirRows(const IdentifierValues& identifiers) {
  const int64_t count = static_cast<int64_t>(identifiers.values.size());
  for (const bool tree : {false, true}) {
    BuildConfig config;
    if (tree) config.num_leaves = 5;
    const IndexFile file = BuildIndex(RandomMatrix(count, kDims, 1), config, identifiers);
    const tfscann::Identifiers& found = file.index->identifiers();
    EXPECT_EQ(found.type(), identifiers.type);
    for (int64_t row = 0; row < count; ++row) {
      EXPECT_EQ(found.Bytes(row), identifiers.values[row]);
      std::vector<int64_t> rows;
      found.FindRows(identifiers.values[row], [&](int64_t r) { rows.push_back(r); });
      EXPECT_EQ(rows, std::vector<int64_t>{row});
    }
  }
}

TEST(BuilderTest, IdentifiersOfEveryTypeFindTheirRows) {
  ExpectIdentifiersFindTheirRows(NumericIdentifiers<int32_t>(IdentifierType::kInt32, 100, -7));
  ExpectIdentifiersFindTheirRows(
      NumericIdentifiers<int64_t>(IdentifierType::kInt64, 100, int64_t{1} << 50));
  ExpectIdentifiersFindTheirRows(NumericIdentifiers<float>(IdentifierType::kFloat32, 100, 0.25f));
  ExpectIdentifiersFindTheirRows(NumericIdentifiers<double>(IdentifierType::kFloat64, 100, 0.1));
  IdentifierValues strings = {IdentifierType::kString, {}};
  for (int i = 0; i < 100; ++i) strings.values.push_back(std::string(i, 'x'));
  ExpectIdentifiersFindTheirRows(strings);
}

TEST(BuilderTest, IdentifiersHaveValuesOfTheirType) {
  const IndexFile file = BuildIndex(RandomMatrix(3, kDims, 1), {},
                                    NumericIdentifiers<int64_t>(IdentifierType::kInt64, 3, 1000));
  EXPECT_EQ(file.index->identifiers().Value<int64_t>(2), 2000);
}

TEST(BuilderTest, DuplicateIdentifiersAreCountedAndAllFound) {
  const TempFolder folder;
  IdentifierValues identifiers = {IdentifierType::kString, {"a", "b", "a", "c", "b", "a"}};
  Builder::Report report;
  BuildFile(folder.Path("index"), RandomMatrix(6, kDims, 1), {}, identifiers, 1, &report);
  EXPECT_EQ(report.duplicate_identifiers, 3);
  const IndexFile file = *OpenIndex(folder.Path("index"));
  std::set<int64_t> rows;
  file.index->identifiers().FindRows("a", [&](int64_t row) { rows.insert(row); });
  EXPECT_EQ(rows, (std::set<int64_t>{0, 2, 5}));
}

TEST(BuilderTest, SmallCataloguesAreExactUnlessLeavesAreAskedFor) {
  const Matrix rows = RandomMatrix(500, kDims, 1);
  EXPECT_TRUE(BuildIndex(rows, {}).index->parameters().exact());
  EXPECT_EQ(BuildIndex(rows, TreeConfig(20)).index->parameters().num_leaves, 20);
}

TEST(BuilderTest, SizesAreClampedToTheData) {
  BuildConfig config = TreeConfig(1000);
  config.num_leaves_to_search = 5000;
  config.dimensions_per_block = 100;
  const IndexFile file = BuildIndex(RandomMatrix(50, kDims, 1), config);
  const IndexParameters& parameters = file.index->parameters();
  EXPECT_EQ(parameters.num_leaves, 50);
  EXPECT_EQ(parameters.num_leaves_to_search, 50);
  EXPECT_EQ(parameters.dimensions_per_block, kDims);
  // One leaf has no second one.
  EXPECT_FALSE(BuildIndex(RandomMatrix(50, kDims, 1), TreeConfig(1)).index->parameters().soar);
}

TEST(BuilderTest, AnExactIndexKeepsFloatsWhateverWasAskedFor) {
  BuildConfig config;
  config.reordering_dtype = ReorderingDtype::kInt8;
  const TempFolder folder;
  const Matrix rows = RandomMatrix(50, kDims, 1);
  BuildFile(folder.Path("index"), rows, config);
  EXPECT_EQ(folder.Files(), std::vector<std::string>{"index"});
  const IndexFile file = *OpenIndex(folder.Path("index"));
  EXPECT_EQ(file.index->parameters().reordering_dtype, ReorderingDtype::kFloat32);
  EXPECT_EQ(Search(*file.index, rows, SearchOptions()),
            Search(*BuildIndex(rows, {}).index, rows, SearchOptions()));
}

TEST(BuilderTest, CodesHeedDirectionsOfQueriesUnlessAllErrorsCountAlike) {
  Matrix rows = RandomMatrix(1000, 64, 1);
  for (int64_t row = 0; row < rows.rows(); ++row) {
    for (int64_t dim = 0; dim < rows.cols(); ++dim) rows.row(row)[dim] += 0.5f;
  }
  // Of a threshold so small no error counts for more because of its candidate.
  const auto mean_error = [&](DistanceMeasure measure, double threshold) {
    BuildConfig config = TreeConfig(4);
    config.distance_measure = measure;
    config.anisotropic_quantization_threshold = threshold;
    const IndexFile file = BuildIndex(rows, config);
    const std::vector<float> errors = CodeErrors(file.index->parts(), rows.rows());
    return std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(errors.size());
  };
  // What is won in some directions is paid for in the others.
  for (const DistanceMeasure measure : {DistanceMeasure::kDotProduct, DistanceMeasure::kCosine}) {
    EXPECT_GT(mean_error(measure, 0.001), 1.001 * mean_error(measure, 0));
  }
  EXPECT_EQ(mean_error(DistanceMeasure::kSquaredL2, 0.001),
            mean_error(DistanceMeasure::kSquaredL2, 0));
}

TEST(BuilderTest, WideEmbeddingsGetWiderBlocks) {
  BuildConfig config = TreeConfig(2);
  config.dimensions_per_block = 1;
  config.training_iterations = 1;
  config.distance_measure = DistanceMeasure::kSquaredL2;
  const Matrix rows = RandomMatrix(40, 16384, 1);
  const IndexFile file = BuildIndex(rows, config);
  EXPECT_EQ(file.index->parameters().dimensions_per_block, 5);
  EXPECT_LE(file.index->parameters().num_code_blocks(), kMaxBlocks);
  SearchOptions options;
  options.k = 1;
  const Results results = Search(*file.index, rows, options);
  for (int32_t row = 0; row < 40; ++row) EXPECT_EQ(results.rows[row], row);
}

}  // namespace
}  // namespace tfscann::testing
