// The serving ops, linked in statically as in TensorFlow Serving, under a model server's load.
#include "tests/cc/tf/model_server.h"

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tensorflow/core/framework/tensor_util.h"
#include "tensorflow/core/platform/env.h"
#include "tests/cc/testing/temp_folder.h"
#include "tests/cc/tf/served_models.h"

namespace tfscann::testing {
namespace {

namespace fs = std::filesystem;
using ::tensorflow::Tensor;

constexpr int kNumThreads = 16;
constexpr int64_t kNumRequests = 110000;
constexpr int kNumChanges = 6;
constexpr int64_t kNumQueries = 400;

// Whether outputs are the answers to the queries from `first` on, bit for bit.
bool Matches(const Tensors& outputs, const Answers& answers, int64_t first, int64_t count) {
  const Tensor& scores = outputs.at("scores");
  const Tensor& identifiers = outputs.at("identifiers");
  const tensorflow::TensorShape shape({count, kK});
  if (scores.shape() != shape || identifiers.shape() != shape) return false;
  for (int64_t i = 0; i < count * kK; ++i) {
    if (scores.flat<float>()(i) != answers.scores[first * kK + i]) return false;
    if (absl::string_view(identifiers.flat<tensorflow::tstring>()(i)) !=
        answers.identifiers[first * kK + i]) {
      return false;
    }
  }
  return true;
}

// Mappings of a file, or of its pieces that start at some offset.
int NumMappings(const std::string& file, const std::string& offset = "") {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) {
    count += absl::StrContains(line, file) && absl::StrContains(line, offset);
  }
  return count;
}
constexpr char kStart[] = " 00000000 ";

// Bytes of a mapped file that this process has in its page tables.
int64_t ResidentBytes(const std::string& file) {
  std::ifstream maps("/proc/self/smaps");
  bool of_file = false;
  int64_t kilobytes = 0;
  for (std::string line; std::getline(maps, line);) {
    // A mapping starts with its addresses; what is said of it starts with a capital letter.
    if (!absl::ascii_isupper(line[0])) of_file = absl::StrContains(line, file);
    if (of_file && absl::StartsWith(line, "Rss:")) kilobytes += std::atoll(line.c_str() + 4);
  }
  return kilobytes * 1024;
}

// Bytes in use of all that was allocated. Pages resident would count what the allocator keeps for
// later as well, and as much of a mapped file as was read by chance.
int64_t AllocatedBytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks) + static_cast<int64_t>(info.hblkhd);
}

// A version's queries and what it must answer.
class ModelServerTest : public ::testing::Test {
 protected:
  ModelServerTest() : queries_(Queries(kNumQueries, 1)) {
    for (const int version : {1, 2}) {
      answers_[version] = EngineAnswers(VersionPath(version), queries_);
    }
  }

  bool AnswersAs(const LoadedModel& model, int version) {
    const absl::StatusOr<Tensors> outputs = model.Run({"serving_default", {{"queries", queries_}}});
    return outputs.ok() && Matches(*outputs, answers_[version], 0, kNumQueries);
  }

  // One client's request, with another size and other queries each time.
  void Ask(const ModelServer& server, std::mt19937* random) {
    const int64_t count = 1 + (*random)() % 4, first = (*random)() % (kNumQueries - count + 1);
    const Tensor queries = queries_.Slice(first, first + count);
    const ModelServer::Handle version = server.CurrentVersion();
    const Answers& answers = answers_.at(version->name() == "1" ? 1 : 2);
    if ((*random)() % 50 == 0) {
      AskWithExclusions(*version, queries, answers, first);
      return;
    }
    const absl::StatusOr<Tensors> outputs =
        version->Predict({"serving_default", {{"queries", queries}}});
    if (!outputs.ok()) {
      num_failed_ += 1;
      ADD_FAILURE() << outputs.status();
    } else if (!Matches(*outputs, answers, first, count)) {
      num_wrong_ += 1;
    }
  }

  // Excludes the first result of each query.
  void AskWithExclusions(const ModelServer::Version& version, const Tensor& queries,
                         const Answers& answers, int64_t first) {
    const int64_t count = queries.dim_size(0);
    Tensor exclusions(tensorflow::DT_STRING, {count, 1});
    for (int64_t i = 0; i < count; ++i) {
      exclusions.flat<tensorflow::tstring>()(i) = answers.identifiers[(first + i) * kK];
    }
    const absl::StatusOr<Tensors> outputs = version.Predict(
        {"query_with_exclusions", {{"queries", queries}, {"exclusions", exclusions}}});
    if (!outputs.ok()) {
      num_failed_ += 1;
      ADD_FAILURE() << outputs.status();
      return;
    }
    const auto scores = outputs->at("scores").flat<float>();
    const auto identifiers = outputs->at("identifiers").flat<tensorflow::tstring>();
    for (int64_t i = 0; i < count; ++i) {
      const int64_t excluded = (first + i) * kK;
      bool right = true;
      for (int64_t j = 0; j < kK; ++j) {
        // The next result, or a better one that had no place in the list of candidates before.
        right = right && (j + 1 == kK || scores(i * kK + j) >= answers.scores[excluded + j + 1]);
        right =
            right && absl::string_view(identifiers(i * kK + j)) != answers.identifiers[excluded];
      }
      num_wrong_ += !right;
    }
  }

  const Tensor queries_;
  std::map<int, Answers> answers_;
  std::atomic<int64_t> num_failed_{0}, num_wrong_{0};
};

TEST_F(ModelServerTest, ReplaysWarmupRequests) {
  const absl::StatusOr<std::vector<Request>> requests = ReadWarmupRequests(VersionPath(1));
  ASSERT_TRUE(requests.ok()) << requests.status();
  ASSERT_EQ(requests->size(), 4);
  EXPECT_EQ((*requests)[0].signature, "serving_default");
  EXPECT_EQ((*requests)[1].signature, "query_with_exclusions");
  const auto model = MustLoad(VersionPath(1));
  EXPECT_EQ(model->num_warmup_requests(), 2 * 2);  // of two queries, for two signatures
  EXPECT_TRUE(AnswersAs(*model, 1));
}

TEST_F(ModelServerTest, ServesManyThreadsWhileVersionsChange) {
  ModelServer server(/*num_batch_threads=*/2);
  server.Serve("1", MustLoad(VersionPath(1)));
  std::atomic<int64_t> num_asked{0};
  std::vector<std::thread> clients;
  for (int thread = 0; thread < kNumThreads; ++thread) {
    clients.emplace_back([&, thread] {
      std::mt19937 random(thread);
      while (num_asked.fetch_add(1) < kNumRequests) Ask(server, &random);
    });
  }

  std::vector<int64_t> allocated;
  for (int change = 1; change <= kNumChanges; ++change) {
    while (num_asked < change * kNumRequests / (kNumChanges + 1)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const int old_version = change % 2 == 1 ? 1 : 2, new_version = 3 - old_version;
    ModelServer::Handle old =
        server.Serve(std::to_string(new_version), MustLoad(VersionPath(new_version)));
    const std::weak_ptr<const ModelServer::Version> unloaded = old;
    old.reset();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!unloaded.expired() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_TRUE(unloaded.expired()) << "version " << old_version << " was never let go";
    // The last handle went in a client's thread, which may still be destroying the session.
    while (NumMappings(AssetOf(VersionPath(old_version))) > 0 &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(NumMappings(AssetOf(VersionPath(old_version))), 0) << "after change " << change;
    EXPECT_EQ(NumMappings(AssetOf(VersionPath(new_version)), kStart), 1)
        << "after change " << change;
    allocated.push_back(AllocatedBytes());
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(num_failed_, 0);
  EXPECT_EQ(num_wrong_, 0);
  EXPECT_TRUE(AnswersAs(server.CurrentVersion()->model(), 1));

  // Requests under way hold some, and each thread keeps freed pieces for its next ones; the least
  // of three changes is what stays. Three versions came and went between the two, which would leave
  // more if each left a 48th of an index.
  const int64_t before = *std::min_element(allocated.begin(), allocated.begin() + 3);
  const int64_t after = *std::min_element(allocated.begin() + 3, allocated.end());
  const int64_t index_bytes = static_cast<int64_t>(fs::file_size(AssetOf(VersionPath(1))));
  EXPECT_LT(after - before, index_bytes / 16) << "of " << index_bytes << " bytes an index";
}

TEST_F(ModelServerTest, ADamagedVersionDoesNotLoadAndDisturbsNone) {
  ModelServer server(2);
  server.Serve("2", MustLoad(VersionPath(2)));
  TempFolder folder;
  fs::copy(VersionPath(2), folder.Path("3"), fs::copy_options::recursive);
  const std::string asset = AssetOf(folder.Path("3"));
  std::string bytes = ReadFile(asset);
  bytes[1024] ^= 1;  // the first byte of the first section
  WriteFile(asset, bytes);
  const absl::Status status = LoadedModel::Load(folder.Path("3")).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "section 'rows': the checksum")) << status;

  bytes.resize(bytes.size() / 2);
  WriteFile(asset, bytes);
  EXPECT_TRUE(absl::IsDataLoss(LoadedModel::Load(folder.Path("3")).status()));
  fs::remove(asset);
  EXPECT_TRUE(absl::IsNotFound(LoadedModel::Load(folder.Path("3")).status()));
  EXPECT_TRUE(AnswersAs(server.CurrentVersion()->model(), 2));
}

TEST_F(ModelServerTest, TheFolderMayDisappearOrChangeAfterLoading) {
  TempFolder folder;
  const std::string path = folder.Path("a folder, schön/1");
  fs::create_directories(folder.Path("a folder, schön"));
  fs::copy(VersionPath(1), path, fs::copy_options::recursive);
  const auto model = MustLoad(path);
  EXPECT_TRUE(AnswersAs(*model, 1));
  // Another index takes the file's name.
  fs::copy_file(AssetOf(VersionPath(2)), folder.Path("other"));
  fs::rename(folder.Path("other"), AssetOf(path));
  EXPECT_TRUE(AnswersAs(*model, 1));
  EXPECT_TRUE(AnswersAs(*MustLoad(path), 2));
  fs::remove_all(folder.Path("a folder, schön"));
  EXPECT_TRUE(AnswersAs(*model, 1));
}

TEST_F(ModelServerTest, CopiesOnLoadIfAsked) {
  setenv("TFSCANN_COPY_ON_LOAD", "1", /*overwrite=*/1);
  const auto model = MustLoad(VersionPath(1));
  unsetenv("TFSCANN_COPY_ON_LOAD");
  EXPECT_EQ(NumMappings(AssetOf(VersionPath(1))), 0);
  EXPECT_TRUE(AnswersAs(*model, 1));
}

TEST_F(ModelServerTest, LoadingAndServingWriteNothing) {
  TempFolder folder;
  fs::copy(VersionPath(1), folder.Path("1"), fs::copy_options::recursive);
  const auto listing = [&] {
    std::set<std::pair<std::string, fs::file_time_type>> entries;
    for (const auto& entry : fs::recursive_directory_iterator(folder.Path("1"))) {
      entries.emplace(entry.path(), entry.last_write_time());
    }
    return entries;
  };
  for (const auto& entry : fs::recursive_directory_iterator(folder.Path("1"))) {
    fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::remove);
  }
  const auto before = listing();
  EXPECT_TRUE(AnswersAs(*MustLoad(folder.Path("1")), 1));
  EXPECT_EQ(listing(), before);
  for (const auto& entry : fs::recursive_directory_iterator(folder.Path("1"))) {
    fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
  }
}

// The version before it must go on: out of memory is a status, not the end of the server.
TEST_F(ModelServerTest, AnIndexThatMemoryDoesNotHoldDoesNotLoad) {
  const auto model = MustLoad(VersionPath(1));
  TempFolder folder;
  fs::copy(VersionPath(2), folder.Path("2"), fs::copy_options::recursive);
  fs::resize_file(AssetOf(folder.Path("2")), int64_t{1} << 40);
  // Whatever the system promises to processes that ask for it.
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  const rlimit lower = {rlim_t{1} << 39, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &lower), 0);
  setenv("TFSCANN_COPY_ON_LOAD", "1", /*overwrite=*/1);
  const absl::Status status = LoadedModel::Load(folder.Path("2")).status();
  unsetenv("TFSCANN_COPY_ON_LOAD");
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "no memory for a file of 1099511627776 bytes"))
      << status;
  EXPECT_TRUE(AnswersAs(*model, 1));
}

TEST_F(ModelServerTest, AFileUriIsMappedAsItsPathAloneIs) {
  const std::string asset = AssetOf(VersionPath(1));
  for (const std::string prefix : {"", "file://"}) {
    const auto model = MustLoad(prefix + VersionPath(1));
    EXPECT_EQ(NumMappings(asset, kStart), 1) << prefix;
    // The float32 candidates, two thirds of the file, were let go of but for what warming up read.
    EXPECT_LT(ResidentBytes(asset), static_cast<int64_t>(fs::file_size(asset)) * 5 / 10) << prefix;
    EXPECT_TRUE(AnswersAs(*model, 1)) << prefix;
  }
}

// ram:// cannot be mapped, as a remote file system.
TEST_F(ModelServerTest, LoadsFromAFileSystemThatCannotMap) {
  tensorflow::Env* const env = tensorflow::Env::Default();
  const std::string root = VersionPath(1);
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string target = "ram://models/1" + entry.path().string().substr(root.size());
    if (entry.is_directory()) {
      ASSERT_TRUE((env->RecursivelyCreateDir(target)).ok());
    } else {
      ASSERT_TRUE((env->RecursivelyCreateDir(target.substr(0, target.rfind('/')))).ok());
      ASSERT_TRUE((env->CopyFile(entry.path(), target)).ok());
    }
  }
  const auto model = MustLoad("ram://models/1");
  EXPECT_EQ(model->num_warmup_requests(), 2 * 2);  // of two queries, for two signatures
  const std::string asset = fs::path(AssetOf(root)).filename();
  ASSERT_TRUE(env->DeleteFile("ram://models/1/assets/" + asset).ok());
  EXPECT_TRUE(AnswersAs(*model, 1));
}

}  // namespace
}  // namespace tfscann::testing
