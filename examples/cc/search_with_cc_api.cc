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

void PrintIdentifier(const tensorflow::Tensor& identifiers, int64_t i) {
  switch (identifiers.dtype()) {
    case tensorflow::DT_STRING:
      std::printf("%s", identifiers.flat<tensorflow::tstring>()(i).c_str());
      break;
    case tensorflow::DT_FLOAT:
      std::printf("%.9g", identifiers.flat<float>()(i));
      break;
    case tensorflow::DT_DOUBLE:
      std::printf("%.17g", identifiers.flat<double>()(i));
      break;
    case tensorflow::DT_INT32:
      std::printf("%d", identifiers.flat<int32_t>()(i));
      break;
    case tensorflow::DT_INT64:
      std::printf("%lld", static_cast<long long>(identifiers.flat<int64_t>()(i)));
      break;
    default:
      std::printf("?");
  }
}

absl::Status Search(const std::string& op_library, const std::string& saved_model,
                    const std::string& queries_path) {
  // Loading the library registers its ops.
  void* handle;
  TF_RETURN_IF_ERROR(tensorflow::Env::Default()->LoadDynamicLibrary(op_library.c_str(), &handle));

  tensorflow::SavedModelBundle model;
  TF_RETURN_IF_ERROR(tensorflow::LoadSavedModel(
      tensorflow::SessionOptions(), tensorflow::RunOptions(), saved_model, {"serve"}, &model));
  const auto& signatures = model.GetSignatures();
  const auto signature = signatures.find("serving_default");
  if (signature == signatures.end()) {
    return absl::NotFoundError(saved_model + " has no signature serving_default");
  }
  const auto& inputs = signature->second.inputs();
  const auto input = inputs.find("queries");
  if (input == inputs.end() || input->second.dtype() != tensorflow::DT_FLOAT ||
      input->second.tensor_shape().dim_size() != 2) {
    return absl::InvalidArgumentError("the model does not take queries, float32 [n, d]");
  }

  const auto& outputs_by_name = signature->second.outputs();
  std::vector<std::string> names;
  for (const char* const name : {"identifiers", "scores"}) {
    const auto output = outputs_by_name.find(name);
    if (output == outputs_by_name.end()) {
      return absl::InvalidArgumentError(std::string("the model does not give ") + name);
    }
    names.push_back(output->second.name());
  }

  std::ifstream file(queries_path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const int64_t dimensions = input->second.tensor_shape().dim(1).size();
  const int64_t num_floats = static_cast<int64_t>(bytes.size() / sizeof(float));
  if (dimensions < 1 || num_floats < dimensions) {
    return absl::InvalidArgumentError(queries_path + " has no query");
  }
  const int64_t num_queries = num_floats / dimensions;
  tensorflow::Tensor queries(tensorflow::DT_FLOAT, {num_queries, dimensions});
  std::copy_n(bytes.data(), queries.TotalBytes(), static_cast<char*>(queries.data()));

  std::vector<tensorflow::Tensor> outputs;
  TF_RETURN_IF_ERROR(
      model.GetSession()->Run({{input->second.name(), queries}}, names, {}, &outputs));
  const auto scores = outputs[1].flat<float>();
  const int64_t k = outputs[0].dim_size(1);
  for (int64_t i = 0; i < num_queries * k; ++i) {
    PrintIdentifier(outputs[0], i);
    std::printf(" %.5f%s", scores(i), (i + 1) % k == 0 ? "\n" : ", ");
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
