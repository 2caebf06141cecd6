// Nearest neighbours from the index file in a SavedModel, with no TensorFlow.
//
// usage: search_with_engine INDEX QUERIES
//   INDEX: an index file: SAVED_MODEL/assets/scann_index_*, or what `tensorflow-scann build` writes
//   QUERIES: float32 vectors, one after the other
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "tensorflow_scann/searcher.h"

namespace {

void PrintIdentifier(const tensorflow_scann::Searcher& searcher, int32_t row) {
  using Type = tensorflow_scann::IdentifierType;
  switch (searcher.identifier_type()) {
    case Type::kString:
      std::printf("%s", std::string(searcher.StringIdentifier(row)).c_str());
      break;
    case Type::kInt32:
    case Type::kInt64:
      std::printf("%lld", static_cast<long long>(searcher.IntegerIdentifier(row)));
      break;
    case Type::kFloat32:
      std::printf("%.9g", searcher.FloatIdentifier(row));
      break;
    case Type::kFloat64:
      std::printf("%.17g", searcher.FloatIdentifier(row));
      break;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s INDEX QUERIES\n", argv[0]);
    return 2;
  }
  std::unique_ptr<tensorflow_scann::Searcher> searcher;
  tensorflow_scann::Status status = tensorflow_scann::Searcher::Open(argv[1], &searcher);
  if (!status.ok()) {
    std::fprintf(stderr, "%s: %s\n", argv[1], status.message().c_str());
    return 1;
  }

  std::ifstream file(argv[2], std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<float> queries(bytes.size() / sizeof(float));
  std::memcpy(queries.data(), bytes.data(), queries.size() * sizeof(float));
  const int64_t num_queries = static_cast<int64_t>(queries.size()) / searcher->dimensions();
  if (num_queries == 0) {
    std::fprintf(stderr, "%s has no query\n", argv[2]);
    return 1;
  }

  constexpr int64_t kK = 10;
  std::vector<float> scores(num_queries * kK);
  std::vector<int32_t> rows(num_queries * kK);
  status = searcher->Search(queries.data(), num_queries, {}, scores.data(), rows.data());
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.message().c_str());
    return 1;
  }
  for (int64_t i = 0; i < num_queries * kK; ++i) {
    PrintIdentifier(*searcher, rows[i]);
    std::printf(" %.5f%s", scores[i], (i + 1) % kK == 0 ? "\n" : ", ");
  }
}
