// A small index file of each kind, as bytes, and memory to open them in.
#ifndef TFSCANN_TESTS_IO_KINDS_H_
#define TFSCANN_TESTS_IO_KINDS_H_

#include <stdlib.h>

#include <cstring>
#include <string>
#include <vector>

#include "cc/io/index_file.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/matrix.h"
#include "tests/cc/testing/search.h"

namespace tfscann::testing {

inline constexpr int64_t kKindRows = 60;
inline constexpr int64_t kKindDims = 6;
inline constexpr int64_t kKindLeaves = 5;

inline Matrix KindRows() { return RandomMatrix(kKindRows, kKindDims, 1); }

inline std::string FileBytes(const BuildConfig& config, const IdentifierValues& identifiers,
                             const Matrix& rows = KindRows()) {
  const TempFolder folder;
  BuildFile(folder.Path("index"), rows, config, identifiers);
  return ReadFile(folder.Path("index"));
}

inline IdentifierValues KindStrings() {
  IdentifierValues strings = {IdentifierType::kString, {}};
  for (int i = 0; i < kKindRows; ++i) strings.values.push_back("id" + std::to_string(i));
  return strings;
}

inline std::string ExactInt64File() {
  return FileBytes({}, NumericIdentifiers<int64_t>(IdentifierType::kInt64, kKindRows, 10));
}
inline std::string TreeDotFile() {
  BuildConfig config;
  config.num_leaves = kKindLeaves;
  return FileBytes(config, {});
}
inline std::string TreeL2Int8StringFile() {
  BuildConfig config;
  config.distance_measure = DistanceMeasure::kSquaredL2;
  config.reordering_dtype = ReorderingDtype::kInt8;
  config.num_leaves = kKindLeaves;
  return FileBytes(config, KindStrings());
}
inline std::string TreeCosineFloatFile() {
  BuildConfig config;
  config.distance_measure = DistanceMeasure::kCosine;
  config.num_leaves = kKindLeaves;
  config.soar_lambda = 0;
  return FileBytes(config, NumericIdentifiers<float>(IdentifierType::kFloat32, kKindRows, 0.5f));
}
inline std::string TreeBranchesFile() {
  BuildConfig config;
  config.num_leaves = 256;
  config.training_iterations = 1;
  config.soar_lambda = 0;
  config.reordering_dtype = ReorderingDtype::kInt8;
  return FileBytes(config, {}, RandomMatrix(260, kKindDims, 2));
}

// Every second row is longer, so that leaves are ranked by what was learned.
inline std::string TreeRoutingFile() {
  BuildConfig config;
  config.num_leaves = 256;
  config.training_iterations = 1;
  Matrix rows = RandomMatrix(300, kKindDims, 2);
  for (int64_t i = 0; i < 300; i += 2) {
    for (int64_t dim = 0; dim < kKindDims; ++dim) rows.row(i)[dim] *= 3;
  }
  return FileBytes(config, {}, rows);
}

struct FileKind {
  const char* name;
  std::string bytes;
};
inline std::vector<FileKind> AllFileKinds() {
  return {{"exact, int64", ExactInt64File()},
          {"tree, dot product", TreeDotFile()},
          {"tree, squared L2, int8, strings", TreeL2Int8StringFile()},
          {"tree, cosine, float32", TreeCosineFloatFile()},
          {"tree with branches", TreeBranchesFile()},
          {"tree with learned routing", TreeRoutingFile()}};
}

// The bytes `past` a multiple of 64, in memory that ends where they do: AddressSanitizer sees a
// read behind them.
inline Memory MemoryOf(const std::string& bytes, size_t past = 0) {
  void* memory = nullptr;
  if (posix_memalign(&memory, 64, past + bytes.size()) != 0) abort();
  char* const begin = static_cast<char*>(memory) + past;
  std::memcpy(begin, bytes.data(), bytes.size());
  return {{begin, bytes.size()}, std::shared_ptr<const void>(memory, free)};
}

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_IO_KINDS_H_
