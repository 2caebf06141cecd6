// The SavedModels of tests/models, and what they must answer.
#ifndef TFSCANN_TESTS_TF_SERVED_MODELS_H_
#define TFSCANN_TESTS_TF_SERVED_MODELS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cc/search/options.h"
#include "tensorflow/core/framework/tensor.h"
#include "tests/cc/testing/temp_folder.h"
#include "tests/cc/tf/model_server.h"

namespace tfscann::testing {

// Of versions/{1,2} and core_ops/1.
constexpr int64_t kDims = 64;
constexpr int64_t kK = 10;

// Where models.tar is unpacked; removed when the process ends.
const TempFolder& Models();

// SavedModels of different candidates, with the ops of this repository.
std::string VersionPath(int version);

// The index file of a SavedModel.
std::string AssetOf(const std::string& saved_model);

// Normal random numbers, [count, kDims].
tensorflow::Tensor Queries(int64_t count, uint32_t seed);

struct Answers {
  std::vector<float> scores;  // [queries, kK]
  std::vector<std::string> identifiers;
};

// What the engine finds in the index of a SavedModel, with no TensorFlow around it.
Answers EngineAnswers(const std::string& saved_model, const tensorflow::Tensor& queries,
                      SearchOptions options = {});

// Loads a model that has no reason not to load.
std::unique_ptr<LoadedModel> MustLoad(const std::string& path);

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_TF_SERVED_MODELS_H_
