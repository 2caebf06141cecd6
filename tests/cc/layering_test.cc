// The layers of the engine, as its sources have them. Everything the engine offers is included
// here, in one program and without TensorFlow.
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "cc/base/aligned_buffer.h"
#include "cc/base/executor.h"
#include "cc/base/finite.h"
#include "cc/base/matrix_view.h"
#include "cc/base/random.h"
#include "cc/base/status.h"
#include "cc/build/builder.h"
#include "cc/build/code_scales.h"
#include "cc/build/codebook_trainer.h"
#include "cc/build/config.h"
#include "cc/build/encoder.h"
#include "cc/build/identifier_column.h"
#include "cc/build/kmeans.h"
#include "cc/build/leaf_demand.h"
#include "cc/build/leaves.h"
#include "cc/build/sample.h"
#include "cc/build/soar.h"
#include "cc/build/tuner.h"
#include "cc/io/describe.h"
#include "cc/io/file.h"
#include "cc/io/index_file.h"
#include "cc/io/section_file.h"
#include "cc/kernels/crc32c.h"
#include "cc/kernels/kernels.h"
#include "cc/kernels/target.h"
#include "cc/search/exact.h"
#include "cc/search/identifiers.h"
#include "cc/search/index.h"
#include "cc/search/index_parts.h"
#include "cc/search/int8_rows.h"
#include "cc/search/lookup_table.h"
#include "cc/search/options.h"
#include "cc/search/packed_matrix.h"
#include "cc/search/partitioner.h"
#include "cc/search/query.h"
#include "cc/search/rank.h"
#include "cc/search/reorderer.h"
#include "cc/search/row_set.h"
#include "cc/search/scorer.h"
#include "cc/search/scratch.h"
#include "cc/search/top_k.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/temp_folder.h"

namespace tfscann::testing {
namespace {

const std::map<std::string, std::set<std::string>>& MayInclude() {
  static const auto& layers = *new std::map<std::string, std::set<std::string>>{
      {"base", {"base"}},
      {"kernels", {"base", "kernels"}},
      {"search", {"base", "kernels", "search"}},
      {"io", {"base", "kernels", "search", "io"}},
      {"build", {"base", "kernels", "search", "io", "build"}},
      {"api", {"base", "kernels", "search", "io", "api"}},
      {"tf", {"base", "kernels", "search", "io", "tf"}},
      {"pybind", {"base", "kernels", "search", "io", "build", "pybind"}},
  };
  return layers;
}

struct Source {
  std::string path;
  std::string layer;
  std::string text;
  std::vector<std::string> includes;
};

// What matches the first group of `pattern` in `text`.
std::vector<std::string> AllMatches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::vector<std::string> found;
  for (std::sregex_iterator i(text.begin(), text.end(), regex), end; i != end; ++i) {
    found.push_back((*i)[1]);
  }
  return found;
}

// From the runfiles' root, where Bazel starts a test.
const std::vector<Source>& Sources() {
  static const std::vector<Source>& sources = *[] {
    auto* all = new std::vector<Source>;
    for (const auto& entry : std::filesystem::recursive_directory_iterator("cc")) {
      const std::filesystem::path& path = entry.path();
      if (path.extension() != ".h" && path.extension() != ".cc") continue;
      const std::string text = ReadFile(path.string());
      all->push_back({path.string(), std::next(path.begin())->string(), text,
                      AllMatches(text, "#include [<\"]([^>\"]+)[>\"]")});
    }
    return all;
  }();
  return sources;
}

TEST(LayeringTest, SourcesOfEveryLayerAreHere) {
  std::map<std::string, int> headers;
  for (const Source& source : Sources()) headers[source.layer] += source.path.back() == 'h';
  for (const auto& [layer, may_include] : MayInclude()) EXPECT_GE(headers[layer], 1) << layer;
  EXPECT_EQ(headers.size(), MayInclude().size());
}

TEST(LayeringTest, IncludesPointOneWay) {
  for (const Source& source : Sources()) {
    for (const std::string& include : source.includes) {
      const std::vector<std::string> layer = AllMatches(include, "^cc/([a-z]+)/");
      if (layer.empty()) continue;
      EXPECT_EQ(MayInclude().at(source.layer).count(layer[0]), 1u)
          << source.path << " includes " << include;
    }
  }
}

TEST(LayeringTest, OtherCodeComesInAtTheEdges) {
  for (const Source& source : Sources()) {
    for (const std::string& include : source.includes) {
      const bool tensorflow = std::regex_search(include, std::regex("^(tensorflow|absl|tsl|xla)/"));
      EXPECT_TRUE(!tensorflow || source.layer == "tf") << source.path << " includes " << include;
      const bool python = std::regex_search(include, std::regex("^(pybind11/|Python.h)"));
      EXPECT_TRUE(!python || source.layer == "pybind") << source.path << " includes " << include;
      const bool intrinsics = std::regex_search(include, std::regex("intrin\\.h$|^simde/"));
      EXPECT_TRUE(!intrinsics || source.layer == "kernels")
          << source.path << " includes " << include;
    }
  }
}

TEST(LayeringTest, IntrinsicsAndTargetsStayInKernels) {
  for (const Source& source : Sources()) {
    if (source.layer == "kernels") continue;
    EXPECT_THAT(AllMatches(source.text, "\\b(_mm[0-9]*_\\w+|__m[0-9]+\\w*)"), ::testing::IsEmpty())
        << source.path;
    EXPECT_THAT(AllMatches(source.text, "(target\\(\"|pragma GCC target)"), ::testing::IsEmpty())
        << source.path;
  }
}

// A kernel is compiled for one CPU: an inline function of the standard library could become that
// CPU's copy for all.
TEST(LayeringTest, SimdKernelsUseNoStandardLibrary) {
  for (const Source& source : Sources()) {
    if (!std::regex_search(source.path, std::regex("_(avx2|avx512|inl|hits)\\.(cc|h)$"))) continue;
    for (const std::string& include : source.includes) {
      EXPECT_TRUE(include == "cstdint" || include == "immintrin.h" ||
                  include.rfind("cc/kernels/", 0) == 0)
          << source.path << " includes " << include;
    }
  }
}

TEST(LayeringTest, TheEngineNeitherThrowsNorExitsNorStartsThreads) {
  for (const Source& source : Sources()) {
    if (source.layer == "tf" || source.layer == "pybind") continue;
    // What the standard library throws, std::bad_alloc, ends at the interface for C++ programs.
    const std::string catches = source.layer == "api" ? "" : "catch \\(|";
    EXPECT_THAT(AllMatches(source.text, "\\b(throw |" + catches + "abort\\(|exit\\()"),
                ::testing::IsEmpty())
        << source.path;
    if (source.path == "cc/base/executor.h") continue;
    EXPECT_THAT(AllMatches(source.text, "(std::thread|std::async|pthread_create)"),
                ::testing::IsEmpty())
        << source.path;
  }
}

TEST(LayeringTest, ASourceIncludesItsHeaderFirst) {
  for (const Source& source : Sources()) {
    const std::filesystem::path header = std::filesystem::path(source.path).replace_extension(".h");
    if (source.path.back() == 'h' || !std::filesystem::exists(header)) continue;
    ASSERT_FALSE(source.includes.empty()) << source.path;
    EXPECT_EQ(source.includes[0], header.string()) << source.path;
  }
}

}  // namespace
}  // namespace tfscann::testing
