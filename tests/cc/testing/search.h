// Building an index and searching it, in one call each.
#ifndef TFSCANN_TESTS_TESTING_SEARCH_H_
#define TFSCANN_TESTS_TESTING_SEARCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cc/base/executor.h"
#include "cc/build/builder.h"
#include "cc/io/index_file.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/status_matchers.h"
#include "tests/cc/testing/temp_folder.h"

namespace tfscann::testing {

// What stands in the file that is built of `rows`.
struct IdentifierValues {
  IdentifierType type = IdentifierType::kRowNumber;
  std::vector<std::string> values;  // the bytes of each
};

// The bytes of 0, 1, ..., count - 1 times `step`, as values of type T.
template <typename T>
IdentifierValues NumericIdentifiers(IdentifierType type, int64_t count, T step) {
  IdentifierValues identifiers = {type, {}};
  for (int64_t i = 0; i < count; ++i) {
    const T value = static_cast<T>(i) * step;
    identifiers.values.emplace_back(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  return identifiers;
}

inline void BuildFile(const std::string& path, MatrixView<const float> rows,
                      const BuildConfig& config, const IdentifierValues& identifiers = {},
                      int threads = 1, Builder::Report* report = nullptr) {
  Result<std::unique_ptr<Builder>> builder = Builder::Create(path, rows.cols(), config);
  TFSCANN_ASSERT_OK(builder);
  TFSCANN_ASSERT_OK((*builder)->Add(rows));
  if (identifiers.type != IdentifierType::kRowNumber) {
    TFSCANN_ASSERT_OK((*builder)->AddIdentifiers(
        identifiers.type, {identifiers.values.begin(), identifiers.values.end()}));
  }
  ThreadExecutor executor(threads);
  Result<Builder::Report> built = (*builder)->Finish(&executor, nullptr);
  TFSCANN_ASSERT_OK(built);
  if (report != nullptr) *report = *built;
}

// Through a file, which is mapped and then removed.
inline IndexFile BuildIndex(MatrixView<const float> rows, const BuildConfig& config,
                            const IdentifierValues& identifiers = {}) {
  TempFolder folder;
  BuildFile(folder.Path("index"), rows, config, identifiers);
  Result<IndexFile> file = OpenIndex(folder.Path("index"));
  // Nothing can be tested without one.
  if (!file.ok()) {
    ADD_FAILURE() << file.status().message();
    std::abort();
  }
  return std::move(*file);
}

struct Results {
  int64_t k = 0;
  std::vector<float> scores;  // [queries x k]
  std::vector<int32_t> rows;

  bool operator==(const Results& other) const {
    return k == other.k && scores == other.scores && rows == other.rows;
  }
  // Of one query.
  Results Of(int64_t query) const {
    const int64_t begin = query * k, end = begin + k;
    return {k,
            {scores.begin() + begin, scores.begin() + end},
            {rows.begin() + begin, rows.begin() + end}};
  }
};

// `excluded`: rows that each query must not return; none if empty.
inline Results Search(const Index& index, MatrixView<const float> queries,
                      const SearchOptions& options,
                      const std::vector<std::vector<int32_t>>& excluded = {},
                      SearchScratch* scratch = nullptr) {
  std::vector<int32_t> rows;
  std::vector<int64_t> splits;
  if (!excluded.empty()) splits.push_back(0);
  for (const std::vector<int32_t>& of_query : excluded) {
    rows.insert(rows.end(), of_query.begin(), of_query.end());
    splits.push_back(static_cast<int64_t>(rows.size()));
  }
  SearchScratch own;
  const size_t size = static_cast<size_t>(queries.rows() * options.k);
  Results results = {options.k, std::vector<float>(size), std::vector<int32_t>(size)};
  TFSCANN_EXPECT_OK(index.Search(queries, options, {rows, splits},
                                 scratch != nullptr ? scratch : &own,
                                 {results.scores.data(), queries.rows(), options.k},
                                 {results.rows.data(), queries.rows(), options.k}));
  return results;
}

// Options with which a tree index gives exact results.
inline SearchOptions Exhaustive(int64_t k) {
  SearchOptions options;
  options.k = k;
  options.num_leaves_to_search = kMaxCandidates;
  options.num_reordering_candidates = kMaxCandidates;
  return options;
}

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_TESTING_SEARCH_H_
