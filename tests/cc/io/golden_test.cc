// Index files of earlier builds, kept in tests/golden, are read and searched with the same results
// for ever. The literals come from brute force in double precision, not from the engine.
#include "tests/golden/golden.h"

#include <string>
#include <vector>

#include "cc/io/index_file.h"
#include "cc/kernels/kernels.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/brute_force.h"
#include "tests/cc/testing/search.h"

namespace tfscann::testing {
namespace {

// From the runfiles' root, where Bazel starts a test.
IndexFile Golden(const std::string& name) {
  Result<IndexFile> file = OpenIndex("tests/golden/" + name);
  TFSCANN_EXPECT_OK(file);
  return file.ok() ? std::move(*file) : IndexFile();
}

Matrix GoldenQueries() {
  const float values[] = {1, 2, 3,  4, 5, 6, 7, 8, -3, 0, 2, -1,
                          4, 0, -5, 1, 0, 0, 0, 0, 0,  0, 0, 0};
  const float* next = values;
  return MakeMatrix(3, kGoldenDims, [&] { return *next++; });
}

// By format version.
class GoldenVersionTest : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Versions, GoldenVersionTest,
                         ::testing::Values("v1", "v2", "v3", "v4", "v5", "v6"));

TEST_P(GoldenVersionTest, ExactIndexWithInt64Identifiers) {
  const IndexFile file = Golden(GetParam() + "_exact_int64_ids.idx");
  ASSERT_NE(file.index, nullptr);
  const IndexParameters& parameters = file.index->parameters();
  EXPECT_TRUE(parameters.exact());
  EXPECT_EQ(StrCat("v", file.format_version), GetParam());
  EXPECT_EQ(parameters.distance_measure, DistanceMeasure::kSquaredL2);
  EXPECT_EQ(parameters.num_candidates, 50);
  SearchOptions options;
  options.k = 5;
  const Results results = Search(*file.index, GoldenQueries(), options);
  EXPECT_EQ(results.rows, (std::vector<int32_t>{2, 49, 15, 26, 31,  //
                                                0, 7, 39, 32, 49,   //
                                                7, 49, 20, 0, 22}));
  EXPECT_EQ(results.scores, (std::vector<float>{110, 115, 151, 207, 230,  //
                                                91, 104, 122, 158, 167,   //
                                                62, 127, 134, 135, 144}));
  const Identifiers& identifiers = file.index->identifiers();
  EXPECT_EQ(identifiers.Value<int64_t>(49), 1000000000049);
  std::vector<int64_t> found;
  identifiers.FindRows(identifiers.Bytes(26), [&](int64_t row) { found.push_back(row); });
  EXPECT_EQ(found, std::vector<int64_t>{26});
}

TEST_P(GoldenVersionTest, TreeIndexWithStringIdentifiers) {
  const IndexFile file = Golden(GetParam() + "_tree_string_ids.idx");
  ASSERT_NE(file.index, nullptr);
  const IndexParameters& parameters = file.index->parameters();
  EXPECT_EQ(parameters.distance_measure, DistanceMeasure::kDotProduct);
  EXPECT_EQ(parameters.num_leaves, 4);
  EXPECT_EQ(parameters.int8_row_stride, 16);
  EXPECT_TRUE(parameters.soar);
  const Results results = Search(*file.index, GoldenQueries(), Exhaustive(5));
  EXPECT_EQ(results.rows, (std::vector<int32_t>{2, 43, 15, 31, 49,   //
                                                11, 46, 45, 16, 27,  //
                                                0, 1, 2, 3, 4}));
  EXPECT_EQ(results.scores, (std::vector<float>{154, 124, 120, 111, 108,  //
                                                74, 66, 62, 60, 54,       //
                                                0, 0, 0, 0, 0}));
  const std::vector<std::vector<int32_t>> excluded = {{2, 43}, {46}, {0, 2}};
  EXPECT_EQ(Search(*file.index, GoldenQueries(), Exhaustive(3), excluded).rows,
            (std::vector<int32_t>{15, 31, 49, 11, 45, 16, 1, 3, 4}));
  const Identifiers& identifiers = file.index->identifiers();
  EXPECT_EQ(identifiers.Bytes(49), "candidate 49");
  std::vector<int64_t> found;
  identifiers.FindRows("candidate 26", [&](int64_t row) { found.push_back(row); });
  EXPECT_EQ(found, std::vector<int64_t>{26});
}

// Codes without scales have the largest.
TEST_P(GoldenVersionTest, CodesHaveScales) {
  const IndexFile file = Golden(GetParam() + "_tree_string_ids.idx");
  ASSERT_NE(file.index, nullptr);
  const IndexParts& parts = file.index->parts();
  ASSERT_EQ(parts.code_scales.size(), parts.position_rows.size());
  bool all = true;
  for (size_t i = 0; i < parts.code_scales.size(); ++i) {
    if (parts.position_rows[i] >= 0) all = all && parts.code_scales[i] == kLut16MaxScale;
  }
  EXPECT_EQ(all, file.format_version < 6);
  EXPECT_EQ(parts.parameters.longest_residual > 0, file.format_version >= 6);
}

// What a default search finds in a tree, where each row is looked for with itself.
TEST_P(GoldenVersionTest, TreeIndexFindsItsOwnRows) {
  const IndexFile file = Golden(GetParam() + "_tree_string_ids.idx");
  ASSERT_NE(file.index, nullptr);
  const Matrix rows = GoldenRows();
  const Results found = Search(*file.index, rows, SearchOptions());
  const Results best = Search(*file.index, rows, Exhaustive(10));
  int same = 0;
  for (int64_t row = 0; row < kGoldenRows; ++row) {
    same += found.Of(row).rows[0] == best.Of(row).rows[0];
  }
  EXPECT_GE(same, 48);
}

// Of version 3, without norm terms of leaves, and of later ones.
class GoldenSquaredL2Test : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Versions, GoldenSquaredL2Test, ::testing::Values("v3", "v4", "v5", "v6"));

TEST_P(GoldenSquaredL2Test, TreeIndexFindsItsOwnRows) {
  const IndexFile file = Golden(GetParam() + "_squared_l2.idx");
  ASSERT_NE(file.index, nullptr);
  EXPECT_EQ(file.index->parts().leaf_norm_terms.empty(), GetParam() == "v3");
  const Matrix rows = GoldenRows();
  const Results best = Search(*file.index, rows, Exhaustive(3));
  SearchOptions options;
  options.k = 3;
  options.num_leaves_to_search = 4;
  options.num_reordering_candidates = 6;
  const Results found = Search(*file.index, rows, options);
  int same = 0;
  for (int64_t row = 0; row < kGoldenRows; ++row) {
    const std::vector<Neighbor> expected =
        BruteForce(DistanceMeasure::kSquaredL2, rows, rows.row(row), 3, {});
    for (int64_t i = 0; i < 3; ++i) {
      EXPECT_EQ(best.Of(row).rows[i], expected[i].row);
      EXPECT_EQ(best.Of(row).scores[i], expected[i].score);
      same += found.Of(row).rows[i] == expected[i].row;
    }
  }
  EXPECT_GE(same, 140);
}

// By all leaves surely, and most by few.
void ExpectRowsFindTheirBest(const Index& index, const Matrix& rows) {
  const Results best = Search(index, rows, Exhaustive(1));
  SearchOptions options;
  options.k = 1;
  options.num_leaves_to_search = 12;  // 15 of 16 branches are looked at
  const Results found = Search(index, rows, options);
  int same = 0;
  for (int64_t row = 0; row < rows.rows(); ++row) {
    const std::vector<Neighbor> expected =
        BruteForce(DistanceMeasure::kDotProduct, rows, rows.row(row), 1, {});
    EXPECT_EQ(best.rows[row], expected[0].row);
    EXPECT_EQ(best.scores[row], expected[0].score);
    same += found.rows[row] == expected[0].row;
  }
  EXPECT_GE(same, 270);
}

class GoldenBranchesTest : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Versions, GoldenBranchesTest, ::testing::Values("v3", "v4", "v5", "v6"));

TEST_P(GoldenBranchesTest, TreeIndexWithBranches) {
  const IndexFile file = Golden(GetParam() + "_branches.idx");
  ASSERT_NE(file.index, nullptr);
  const IndexParameters& parameters = file.index->parameters();
  EXPECT_TRUE(parameters.branches);
  EXPECT_EQ(parameters.num_leaves, kGoldenLeaves);
  ExpectRowsFindTheirBest(*file.index, ManyGoldenRows());
}

class GoldenRoutingTest : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Versions, GoldenRoutingTest, ::testing::Values("v5", "v6"));

TEST_P(GoldenRoutingTest, TreeIndexWithLearnedRouting) {
  const IndexFile file = Golden(GetParam() + "_routing.idx");
  ASSERT_NE(file.index, nullptr);
  EXPECT_TRUE(file.index->parameters().branches);
  EXPECT_TRUE(file.index->parameters().learned_routing);
  EXPECT_EQ(file.index->parts().routing_offsets.size(), static_cast<size_t>(kGoldenLeaves));
  ExpectRowsFindTheirBest(*file.index, UnevenGoldenRows());
}

}  // namespace
}  // namespace tfscann::testing
