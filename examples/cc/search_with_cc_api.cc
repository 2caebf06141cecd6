// Nearest neighbours from a SavedModel through TensorFlow's C++ API.
//
// usage: search_with_cc_api OP_LIBRARY SAVED_MODEL QUERIES
//   OP_LIBRARY: python -c 'import tensorflow_scann; print(tensorflow_scann.op_library())'
//   QUERIES: float32 vectors, one after the other
//
// A program that links //cc/tf:serving, as a model server does, needs no OP_LIBRARY.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/platform/env.h"
#include "tensorflow/core/public/session.h"

namespace {

absl::Status Search(const std::string& op_library, const std::string& saved_model,
                    const std::string& queries_path) {
  // Loading the library registers its ops.
  void* handle;
  TF_RETURN_IF_ERROR(tensorflow::Env::Default()->LoadDynamicLibrary(op_library.c_str(), &handle));

  tensorflow::SavedModelBundle model;
  TF_RETURN_IF_ERROR(tensorflow::LoadSavedModel(
      tensorflow::SessionOptions(), tensorflow::RunOptions(), saved_model, {"serve"}, &model));
  const auto& signature = model.GetSignatures().at("serving_default");
  const auto& input = signature.inputs().at("queries");

  std::ifstream file(queries_path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const int64_t dimensions = input.tensor_shape().dim(1).size();
  const int64_t num_queries = static_cast<int64_t>(bytes.size() / sizeof(float)) / dimensions;
  if (num_queries == 0) return absl::InvalidArgumentError(queries_path + " has no query");
  tensorflow::Tensor queries(tensorflow::DT_FLOAT, {num_queries, dimensions});
  std::copy_n(bytes.data(), queries.TotalBytes(), static_cast<char*>(queries.data()));

  std::vector<tensorflow::Tensor> outputs;
  TF_RETURN_IF_ERROR(model.GetSession()->Run(
      {{input.name(), queries}},
      {signature.outputs().at("identifiers").name(), signature.outputs().at("scores").name()}, {},
      &outputs));
  const auto identifiers = outputs[0].matrix<tensorflow::tstring>();
  const auto scores = outputs[1].matrix<float>();
  const int64_t k = outputs[0].dim_size(1);
  for (int64_t query = 0; query < num_queries; ++query) {
    for (int64_t i = 0; i < k; ++i) {
      std::printf("%s %.5f%s", identifiers(query, i).c_str(), scores(query, i),
                  i + 1 == k ? "\n" : ", ");
    }
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s OP_LIBRARY SAVED_MODEL QUERIES\n", argv[0]);
    return 2;
  }
  const absl::Status status = Search(argv[1], argv[2], argv[3]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}
