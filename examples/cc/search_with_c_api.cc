// Nearest neighbours from a SavedModel through TensorFlow's C API, which any language can call.
//
// usage: search_with_c_api OP_LIBRARY SAVED_MODEL QUERIES
//   OP_LIBRARY: python -c 'import tensorflow_scann; print(tensorflow_scann.op_library())'
//   QUERIES: float32 vectors, one after the other
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "tensorflow/c/c_api.h"

namespace {

std::unique_ptr<TF_Status, void (*)(TF_Status*)> status(TF_NewStatus(), TF_DeleteStatus);

void ExitIfError(const char* what) {
  if (TF_GetCode(status.get()) == TF_OK) return;
  std::fprintf(stderr, "%s: %s\n", what, TF_Message(status.get()));
  std::exit(1);
}

std::vector<char> ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The signature serving_default of a SavedModel of tensorflow_scann.export: its input `queries`,
// and the operation whose outputs are, in the order of their names, `identifiers` and `scores`. The
// C API does not read signatures; `saved_model_cli show --dir SAVED_MODEL --all` prints these
// names.
constexpr char kInput[] = "serving_default_queries";
constexpr char kOutput[] = "StatefulPartitionedCall_2";

TF_Output Find(TF_Graph* graph, const char* operation, int index) {
  TF_Operation* const found = TF_GraphOperationByName(graph, operation);
  if (found == nullptr) {
    std::fprintf(stderr, "the SavedModel has no operation named %s\n", operation);
    std::exit(1);
  }
  return {found, index};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s OP_LIBRARY SAVED_MODEL QUERIES\n", argv[0]);
    return 2;
  }
  TF_Library* const library = TF_LoadLibrary(argv[1], status.get());
  ExitIfError(argv[1]);

  TF_SessionOptions* const options = TF_NewSessionOptions();
  TF_Graph* const graph = TF_NewGraph();
  const char* const tags[] = {"serve"};
  TF_Session* const session = TF_LoadSessionFromSavedModel(options, nullptr, argv[2], tags, 1,
                                                           graph, nullptr, status.get());
  ExitIfError(argv[2]);

  const TF_Output input = Find(graph, kInput, 0);
  int64_t shape[2];
  TF_GraphGetTensorShape(graph, input, shape, 2, status.get());
  ExitIfError(kInput);
  const std::vector<char> bytes = ReadFile(argv[3]);
  shape[0] = static_cast<int64_t>(bytes.size() / sizeof(float)) / shape[1];
  if (shape[0] == 0) {
    std::fprintf(stderr, "%s has no query of %lld floats\n", argv[3], (long long)shape[1]);
    return 1;
  }
  TF_Tensor* const queries =
      TF_AllocateTensor(TF_FLOAT, shape, 2, shape[0] * shape[1] * sizeof(float));
  std::copy_n(bytes.data(), TF_TensorByteSize(queries), static_cast<char*>(TF_TensorData(queries)));

  const TF_Output outputs[] = {Find(graph, kOutput, 0), Find(graph, kOutput, 1)};
  TF_Tensor* results[2] = {};
  TF_SessionRun(session, nullptr, &input, &queries, 1, outputs, results, 2, nullptr, 0, nullptr,
                status.get());
  ExitIfError("search");

  const auto* const identifiers = static_cast<const TF_TString*>(TF_TensorData(results[0]));
  const auto* const scores = static_cast<const float*>(TF_TensorData(results[1]));
  const int64_t k = TF_Dim(results[0], 1);
  for (int64_t i = 0; i < shape[0] * k; ++i) {
    std::printf("%.*s %.5f%s", static_cast<int>(TF_StringGetSize(&identifiers[i])),
                TF_StringGetDataPointer(&identifiers[i]), scores[i],
                (i + 1) % k == 0 ? "\n" : ", ");
  }

  for (TF_Tensor* const result : results) TF_DeleteTensor(result);
  TF_DeleteTensor(queries);
  TF_DeleteSession(session, status.get());
  TF_DeleteGraph(graph);
  TF_DeleteSessionOptions(options);
  TF_DeleteLibraryHandle(library);
}
