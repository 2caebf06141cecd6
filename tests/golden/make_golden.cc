// Makes the index files of this folder: make_golden FOLDER. A file of an earlier format version is
// never made again: later engines must read the one that is here.
#include <cstdio>
#include <string>

#include "cc/build/builder.h"
#include "tests/golden/golden.h"

namespace tfscann::testing {
namespace {

Status Make(const std::string& path, const BuildConfig& config, const Matrix& rows,
            IdentifierType type, const std::vector<std::string>& identifiers) {
  TFSCANN_ASSIGN_OR_RETURN(const std::unique_ptr<Builder> builder,
                           Builder::Create(path, kGoldenDims, config));
  TFSCANN_RETURN_IF_ERROR(builder->Add(rows));
  if (!identifiers.empty()) {
    TFSCANN_RETURN_IF_ERROR(
        builder->AddIdentifiers(type, {identifiers.begin(), identifiers.end()}));
  }
  InlineExecutor executor;
  return builder->Finish(&executor, nullptr).status();
}

Status MakeAll(const std::string& folder) {
  std::vector<std::string> names, numbers;
  for (int64_t row = 0; row < kGoldenRows; ++row) {
    names.push_back(GoldenName(row));
    const int64_t number = GoldenNumber(row);
    numbers.emplace_back(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  BuildConfig exact;
  exact.distance_measure = DistanceMeasure::kSquaredL2;
  TFSCANN_RETURN_IF_ERROR(Make(folder + "/v6_exact_int64_ids.idx", exact, GoldenRows(),
                               IdentifierType::kInt64, numbers));
  BuildConfig tree;
  tree.num_leaves = 4;
  TFSCANN_RETURN_IF_ERROR(
      Make(folder + "/v6_tree_string_ids.idx", tree, GoldenRows(), IdentifierType::kString, names));
  tree.distance_measure = DistanceMeasure::kSquaredL2;
  TFSCANN_RETURN_IF_ERROR(
      Make(folder + "/v6_squared_l2.idx", tree, GoldenRows(), IdentifierType::kRowNumber, {}));
  tree.distance_measure = DistanceMeasure::kDotProduct;
  tree.num_leaves = kGoldenLeaves;
  TFSCANN_RETURN_IF_ERROR(
      Make(folder + "/v6_branches.idx", tree, ManyGoldenRows(), IdentifierType::kRowNumber, {}));
  return Make(folder + "/v6_routing.idx", tree, UnevenGoldenRows(), IdentifierType::kRowNumber, {});
}

}  // namespace
}  // namespace tfscann::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_golden FOLDER\n");
    return 2;
  }
  const tfscann::Status status = tfscann::testing::MakeAll(argv[1]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
  return status.ok() ? 0 : 1;
}
