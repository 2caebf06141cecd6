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
#include <string>
#include <vector>

#include "tensorflow/c/c_api.h"
#include "tensorflow/core/protobuf/meta_graph.pb.h"

namespace {

std::unique_ptr<TF_Status, void (*)(TF_Status*)> status(TF_NewStatus(), TF_DeleteStatus);

[[noreturn]] void Exit(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

void ExitIfError(const std::string& what) {
  if (TF_GetCode(status.get()) != TF_OK) Exit(what + ": " + TF_Message(status.get()));
}

std::vector<char> ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The tensor of a signature's input or output, which the signature calls OPERATION:INDEX.
TF_Output Find(TF_Graph* graph,
               const google::protobuf::Map<std::string, tensorflow::TensorInfo>& tensors,
               const std::string& name) {
  const auto info = tensors.find(name);
  if (info == tensors.end()) Exit("serving_default has no tensor named " + name);
  const std::string& tensor = info->second.name();
  const size_t colon = tensor.rfind(':');
  const int index = colon == std::string::npos ? 0 : std::atoi(tensor.c_str() + colon + 1);
  TF_Operation* const operation = TF_GraphOperationByName(graph, tensor.substr(0, colon).c_str());
  if (operation == nullptr || index < 0 || index >= TF_OperationNumOutputs(operation)) {
    Exit("the SavedModel has no tensor " + tensor);
  }
  return {operation, index};
}

// What the signature serving_default of tensorflow_scann.export takes and gives.
struct Signature {
  TF_Output queries, identifiers, scores;
};

// The C API leaves signatures to who calls it: they are in the model's MetaGraphDef, a protocol
// buffer. (`saved_model_cli show --dir SAVED_MODEL --all` prints the names, too.)
Signature ReadSignature(const TF_Buffer& buffer, TF_Graph* graph) {
  tensorflow::MetaGraphDef meta_graph;
  if (!meta_graph.ParseFromArray(buffer.data, static_cast<int>(buffer.length))) {
    Exit("the model's MetaGraphDef cannot be parsed");
  }
  const auto signature = meta_graph.signature_def().find("serving_default");
  if (signature == meta_graph.signature_def().end()) {
    Exit("the model has no signature named serving_default");
  }
  const auto& inputs = signature->second.inputs();
  const auto& outputs = signature->second.outputs();
  return {Find(graph, inputs, "queries"), Find(graph, outputs, "identifiers"),
          Find(graph, outputs, "scores")};
}

void PrintIdentifier(const TF_Tensor* identifiers, int64_t i) {
  const void* const data = TF_TensorData(identifiers);
  switch (TF_TensorType(identifiers)) {
    case TF_STRING: {
      const TF_TString* const text = static_cast<const TF_TString*>(data) + i;
      std::printf("%.*s", static_cast<int>(TF_StringGetSize(text)), TF_StringGetDataPointer(text));
      return;
    }
    case TF_INT32:
      std::printf("%d", static_cast<const int32_t*>(data)[i]);
      return;
    case TF_INT64:
      std::printf("%lld", static_cast<long long>(static_cast<const int64_t*>(data)[i]));
      return;
    case TF_FLOAT:
      std::printf("%.9g", static_cast<const float*>(data)[i]);
      return;
    case TF_DOUBLE:
      std::printf("%.17g", static_cast<const double*>(data)[i]);
      return;
    default:
      Exit("identifiers of type " + std::to_string(TF_TensorType(identifiers)));
  }
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
  TF_Buffer* const meta_graph = TF_NewBuffer();
  TF_Session* const session = TF_LoadSessionFromSavedModel(options, nullptr, argv[2], tags, 1,
                                                           graph, meta_graph, status.get());
  ExitIfError(argv[2]);
  const Signature signature = ReadSignature(*meta_graph, graph);

  int64_t shape[2];
  if (TF_OperationOutputType(signature.queries) != TF_FLOAT ||
      TF_GraphGetTensorNumDims(graph, signature.queries, status.get()) != 2) {
    Exit("the model does not take embeddings: its queries are no float32 [n, d]");
  }
  TF_GraphGetTensorShape(graph, signature.queries, shape, 2, status.get());
  ExitIfError("queries");
  const std::vector<char> bytes = ReadFile(argv[3]);
  shape[0] = shape[1] > 0 ? static_cast<int64_t>(bytes.size() / sizeof(float)) / shape[1] : 0;
  if (shape[0] == 0) {
    Exit(argv[3] + (" has no query of " + std::to_string(shape[1])) + " floats");
  }
  TF_Tensor* const queries =
      TF_AllocateTensor(TF_FLOAT, shape, 2, shape[0] * shape[1] * sizeof(float));
  std::copy_n(bytes.data(), TF_TensorByteSize(queries), static_cast<char*>(TF_TensorData(queries)));

  const TF_Output outputs[] = {signature.identifiers, signature.scores};
  TF_Tensor* results[2] = {};
  TF_SessionRun(session, nullptr, &signature.queries, &queries, 1, outputs, results, 2, nullptr, 0,
                nullptr, status.get());
  ExitIfError("search");

  const auto* const scores = static_cast<const float*>(TF_TensorData(results[1]));
  const int64_t k = TF_Dim(results[0], 1);
  for (int64_t i = 0; i < shape[0] * k; ++i) {
    PrintIdentifier(results[0], i);
    std::printf(" %.5f%s", scores[i], (i + 1) % k == 0 ? "\n" : ", ");
  }

  for (TF_Tensor* const result : results) TF_DeleteTensor(result);
  TF_DeleteTensor(queries);
  TF_DeleteSession(session, status.get());
  TF_DeleteBuffer(meta_graph);
  TF_DeleteGraph(graph);
  TF_DeleteSessionOptions(options);
  TF_DeleteLibraryHandle(library);
}
