#include "cc/io/describe.h"

#include "cc/kernels/target.h"
#include "gtest/gtest.h"
#include "tests/cc/io/kinds.h"

namespace tfscann::testing {
namespace {

std::string Describe(const std::string& bytes) {
  return DescribeIndex(*OpenIndex(MemoryOf(bytes)));
}

TEST(DescribeTest, AnExactIndexHasNoTree) {
  const std::string bytes = ExactInt64File();
  EXPECT_EQ(
      Describe(bytes),
      StrCat(R"({"num_candidates": 60, "dimensions": 6, "distance_measure": "dot_product", )",
             R"("identifiers": "int64", "default_identifiers": false, "is_exact": true, )",
             R"("num_leaves": null, "num_leaves_to_search": null, "training_iterations": null, )",
             R"("dimensions_per_block": null, "num_reordering_candidates": null, )",
             R"("soar_lambda": null, "anisotropic_quantization_threshold": null, )",
             R"("reordering_dtype": "float32", "k": 10, "target_recall": 0.94999999999999996, )",
             R"("measured_recall": 1, "seed": 0, "format_version": 6, "cpu_kernels": ")",
             TargetName(ActiveTarget()), R"(", "file_bytes": )", bytes.size(),
             R"(, "section_bytes": {"rows": 1504, "identifiers": 480, "id_slots": 364, )",
             R"("parameters": 160}})"));
}

TEST(DescribeTest, ATreeHasAllItsParameters) {
  const std::string json = Describe(TreeL2Int8StringFile());
  for (const char* part :
       {R"("distance_measure": "squared_l2")", R"("identifiers": "string")",
        R"("default_identifiers": false)", R"("is_exact": false)", R"("num_leaves": 5)",
        R"("training_iterations": 12)", R"("dimensions_per_block": 2)", R"("soar_lambda": 1)",
        R"("anisotropic_quantization_threshold": 0.2)", R"("reordering_dtype": "int8")",
        R"("norm_codebooks": 256)"}) {
    EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
  }
}

TEST(DescribeTest, RowNumbersAreTheDefaultIdentifiers) {
  const std::string json = Describe(TreeDotFile());
  EXPECT_NE(json.find(R"("identifiers": "int32", "default_identifiers": true)"), std::string::npos);
}

}  // namespace
}  // namespace tfscann::testing
