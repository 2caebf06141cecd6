#include "tests/cc/tf/served_models.h"

#include <cstdlib>
#include <filesystem>
#include <random>
#include <utility>

#include "cc/io/index_file.h"
#include "cc/search/scratch.h"
#include "gtest/gtest.h"

namespace tfscann::testing {

namespace fs = std::filesystem;
using ::tensorflow::Tensor;

const TempFolder& Models() {
  static const TempFolder folder;
  static const bool unpacked = [] {
    const std::string command = "tar -xf tests/models/models.tar -C '" + folder.Path("") + "'";
    const bool ok = std::system(command.c_str()) == 0;
    if (!ok) ADD_FAILURE() << command;
    return ok;
  }();
  static_cast<void>(unpacked);
  return folder;
}

std::string VersionPath(int version) {
  return Models().Path("versions/" + std::to_string(version));
}

std::string AssetOf(const std::string& saved_model) {
  for (const auto& entry : fs::directory_iterator(saved_model + "/assets")) {
    return fs::canonical(entry.path());
  }
  ADD_FAILURE() << saved_model << " has no assets";
  return "";
}

Tensor Queries(int64_t count, uint32_t seed) {
  Tensor queries(tensorflow::DT_FLOAT, {count, kDims});
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < count * kDims; ++i) queries.flat<float>()(i) = normal(random);
  return queries;
}

Answers EngineAnswers(const std::string& saved_model, const Tensor& queries,
                      SearchOptions options) {
  Answers answers;
  Result<IndexFile> file = OpenIndex(AssetOf(saved_model));
  if (!file.ok()) {
    ADD_FAILURE() << file.status().message();
    return answers;
  }
  const int64_t count = queries.dim_size(0);
  std::vector<int32_t> rows(count * kK);
  answers.scores.resize(count * kK);
  SearchScratch scratch;
  options.k = kK;
  const Status status =
      file->index->Search({queries.flat<float>().data(), count, kDims}, options, {}, &scratch,
                          {answers.scores.data(), count, kK}, {rows.data(), count, kK});
  EXPECT_TRUE(status.ok()) << status.message();
  for (const int32_t row : rows) {
    answers.identifiers.emplace_back(file->index->identifiers().Bytes(row));
  }
  return answers;
}

std::unique_ptr<LoadedModel> MustLoad(const std::string& path) {
  absl::StatusOr<std::unique_ptr<LoadedModel>> model = LoadedModel::Load(path);
  if (!model.ok()) {
    ADD_FAILURE() << path << ": " << model.status();
    std::abort();
  }
  return *std::move(model);
}

}  // namespace tfscann::testing
