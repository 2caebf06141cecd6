#include "cc/io/file.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cc/testing/status_matchers.h"
#include "tests/cc/testing/temp_folder.h"

namespace tfscann::testing {
namespace {

std::unique_ptr<TemporaryFile> NewFile(const std::string& path) {
  Result<std::unique_ptr<TemporaryFile>> file = TemporaryFile::Create(path);
  TFSCANN_EXPECT_OK(file);
  return std::move(*file);
}

TEST(MapFileTest, ShowsTheBytes) {
  const TempFolder folder;
  WriteFile(folder.Path("file"), "some bytes");
  Result<Memory> memory = MapFile(folder.Path("file"));
  TFSCANN_ASSERT_OK(memory);
  std::filesystem::remove(folder.Path("file"));
  EXPECT_EQ(std::string(memory->bytes.begin(), memory->bytes.end()), "some bytes");
}

TEST(MapFileTest, AnEmptyFileHasNoBytes) {
  const TempFolder folder;
  WriteFile(folder.Path("file"), "");
  const Result<Memory> memory = MapFile(folder.Path("file"));
  TFSCANN_ASSERT_OK(memory);
  EXPECT_EQ(memory->bytes.size(), 0u);
}

TEST(MapFileTest, ReadsWhatCannotBeMapped) {
  // Linux says 4,096 bytes of such a file, which has fewer, and does not map it.
  const std::string path = "/sys/devices/system/cpu/online";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "there is no " << path;
  const Result<Memory> memory = MapFile(path);
  TFSCANN_ASSERT_OK(memory);
  EXPECT_FALSE(memory->mapped);
  std::ifstream stream(path);
  const std::string contents((std::istreambuf_iterator<char>(stream)), {});
  EXPECT_FALSE(contents.empty());
  EXPECT_EQ(std::string(memory->bytes.begin(), memory->bytes.end()), contents);
}

TEST(MapFileTest, SaysWhatIsWrong) {
  const TempFolder folder;
  const std::string missing = folder.Path("missing");
  EXPECT_THAT(MapFile(missing), Fails(StatusCode::kNotFound,
                                      "cannot open " + missing + ": No such file or directory"));
  EXPECT_THAT(MapFile(folder.Path("")), Fails(StatusCode::kFailedPrecondition, "Is a directory"));
}

// Kilobytes of the process that its status calls so.
int64_t Kilobytes(const std::string& kind) {
  std::ifstream status("/proc/self/status");
  std::string word;
  int64_t kilobytes = 0;
  while (status >> word) {
    if (word == kind + ":") status >> kilobytes;
  }
  return kilobytes;
}

// Bytes of which no two pages are alike.
std::string ManyPages() {
  std::string contents(16 << 20, 'x');
  for (size_t i = 0; i < contents.size(); i += 1000) contents[i] = static_cast<char>(i / 1000);
  return contents;
}

std::string AsString(const Memory& memory) { return {memory.bytes.begin(), memory.bytes.end()}; }

TEST(ReleasePagesTest, PagesLeaveAndComeBack) {
  const TempFolder folder;
  const std::string contents = ManyPages();
  WriteFile(folder.Path("file"), contents);
  Result<Memory> memory = MapFile(folder.Path("file"));
  TFSCANN_ASSERT_OK(memory);
  EXPECT_TRUE(memory->mapped);
  EXPECT_EQ(AsString(*memory), contents);
  const int64_t before = Kilobytes("RssFile");
  ReleasePages(*memory, {memory->bytes.data() + 100, (12 << 20)});
  EXPECT_LT(Kilobytes("RssFile"), before - (11 << 10));
  EXPECT_EQ(AsString(*memory), contents);
  ReleasePages(*memory, {memory->bytes.data() + 100, 50});
  ReleasePages(*memory, {});
  EXPECT_EQ(AsString(*memory), contents);
}

TEST(ReleasePagesTest, MemoryOfItsOwnStays) {
  std::string contents(1 << 20, 'x');
  Memory memory;
  memory.bytes = {contents.data(), contents.size()};
  ReleasePages(memory, memory.bytes);
  EXPECT_EQ(contents, std::string(1 << 20, 'x'));
}

// How much of some memory is a file's.
int64_t MappedBytes(Span<const char> memory) {
  const uintptr_t first = reinterpret_cast<uintptr_t>(memory.begin());
  const uintptr_t last = reinterpret_cast<uintptr_t>(memory.end());
  std::ifstream maps("/proc/self/maps");
  int64_t bytes = 0;
  for (std::string line; std::getline(maps, line);) {
    // Addresses, permissions, offset, device, inode, path.
    std::istringstream fields(line);
    uintptr_t begin, end;
    char dash;
    std::string permissions, offset, device;
    int64_t inode;
    fields >> std::hex >> begin >> dash >> end >> permissions >> offset >> device >> std::dec >>
        inode;
    begin = std::max(begin, first);
    end = std::min(end, last);
    if (inode != 0 && begin < end) bytes += static_cast<int64_t>(end - begin);
  }
  return bytes;
}

// Moves all but the first megabyte of a mapped file; how many bytes are no longer the file's.
int64_t MoveAndCount(const std::string& path, const std::string& contents) {
  const Result<Memory> memory = MapFile(path);
  TFSCANN_EXPECT_OK(memory);
  TFSCANN_EXPECT_OK(
      MoveToHugePages(*memory, {memory->bytes.data() + (1 << 20), contents.size() - (1 << 20)}));
  EXPECT_EQ(AsString(*memory), contents);
  // What was not moved still is the file's, and can be released next to what was.
  ReleasePages(*memory, {memory->bytes.data(), 1 << 20});
  EXPECT_EQ(AsString(*memory), contents);
  return static_cast<int64_t>(contents.size()) - MappedBytes(memory->bytes);
}

class MoveToHugePagesTest : public ::testing::Test {
 protected:
  MoveToHugePagesTest() {
    unsetenv("TFSCANN_HUGE_PAGES");
    WriteFile(path_, contents_);
  }

  const TempFolder folder_;
  const std::string path_ = folder_.Path("file");
  const std::string contents_ = ManyPages();
};

TEST_F(MoveToHugePagesTest, WhatFillsThemBecomesTheProcesss) {
  std::ifstream modes("/sys/kernel/mm/transparent_hugepage/enabled");
  const std::string enabled((std::istreambuf_iterator<char>(modes)), {});
  const int64_t moved = MoveAndCount(path_, contents_);
  if (enabled.empty() || enabled.find("[never]") != std::string::npos) {
    EXPECT_EQ(moved, 0);
  } else {
    // 15 MB, and less than a huge page at either end.
    EXPECT_GT(moved, 11 << 20);
    EXPECT_LE(moved, 15 << 20);
  }
  EXPECT_EQ(ReadFile(path_), contents_);
}

TEST_F(MoveToHugePagesTest, NothingStaysMapped) {
  const int64_t before = Kilobytes("VmSize");
  for (int i = 0; i < 5; ++i) {
    const Result<Memory> memory = MapFile(path_);
    TFSCANN_ASSERT_OK(memory);
    TFSCANN_EXPECT_OK(MoveToHugePages(*memory, memory->bytes));
  }
  EXPECT_LT(Kilobytes("VmSize"), before + (1 << 10));
}

TEST_F(MoveToHugePagesTest, MemoryOfOtherThreadsIsTheirs) {
  std::atomic<bool> done = false;
  std::vector<std::thread> others, movers;
  for (int i = 0; i < 2; ++i) {
    others.emplace_back([&, i] {
      constexpr size_t kSize = 3 << 20;
      while (!done) {
        void* const mapping =
            mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(mapping, MAP_FAILED);
        char* const bytes = static_cast<char*>(mapping);
        for (size_t at = 0; at < kSize; at += 4096) bytes[at] = static_cast<char>(i + 1);
        for (size_t at = 0; at < kSize; at += 4096) ASSERT_EQ(bytes[at], i + 1);
        ASSERT_EQ(munmap(mapping, kSize), 0);
      }
    });
  }
  for (int i = 0; i < 3; ++i) {
    movers.emplace_back([&] {
      for (int repeat = 0; repeat < 10; ++repeat) MoveAndCount(path_, contents_);
    });
  }
  for (std::thread& mover : movers) mover.join();
  done = true;
  for (std::thread& other : others) other.join();
}

TEST_F(MoveToHugePagesTest, NotIfTheEnvironmentSaysSo) {
  setenv("TFSCANN_HUGE_PAGES", "0", 1);
  EXPECT_EQ(MoveAndCount(path_, contents_), 0);
  unsetenv("TFSCANN_HUGE_PAGES");
}

TEST_F(MoveToHugePagesTest, SmallPartsAndMemoryOfItsOwnStay) {
  std::string contents(8 << 20, 'x');
  Memory memory;
  memory.bytes = {contents.data(), contents.size()};
  TFSCANN_EXPECT_OK(MoveToHugePages(memory, memory.bytes));
  WriteFile(folder_.Path("small"), "some bytes");
  Result<Memory> small = MapFile(folder_.Path("small"));
  TFSCANN_ASSERT_OK(small);
  TFSCANN_EXPECT_OK(MoveToHugePages(*small, small->bytes));
  TFSCANN_EXPECT_OK(MoveToHugePages(*small, {}));
  EXPECT_EQ(AsString(*small), "some bytes");
}

TEST(TemporaryFileTest, AppearsWhenCommitted) {
  const TempFolder folder;
  const std::string path = folder.Path("file");
  const std::unique_ptr<TemporaryFile> file = NewFile(path);
  TFSCANN_ASSERT_OK(file->Write(0, "0123456789", 10));
  TFSCANN_ASSERT_OK(file->Write(4, "abc", 3));
  EXPECT_FALSE(std::filesystem::exists(path));
  TFSCANN_ASSERT_OK(file->Commit());
  EXPECT_EQ(ReadFile(path), "0123abc789");
  EXPECT_EQ(folder.Files(), std::vector<std::string>{"file"});
}

TEST(TemporaryFileTest, IsRemovedUnlessCommittedAndLeavesTheOldFile) {
  const TempFolder folder;
  const std::string path = folder.Path("file");
  WriteFile(path, "old");
  {
    const std::unique_ptr<TemporaryFile> file = NewFile(path);
    TFSCANN_ASSERT_OK(file->Write(0, "new", 3));
    EXPECT_EQ(folder.Files().size(), 2u);
  }
  EXPECT_EQ(ReadFile(path), "old");
  EXPECT_EQ(folder.Files(), std::vector<std::string>{"file"});
  const std::unique_ptr<TemporaryFile> file = NewFile(path);
  TFSCANN_ASSERT_OK(file->Write(0, "new", 3));
  TFSCANN_ASSERT_OK(file->Commit());
  EXPECT_EQ(ReadFile(path), "new");
}

TEST(TemporaryFileTest, IsAsReadableAsOtherFiles) {
  const TempFolder folder;
  WriteFile(folder.Path("other"), "");
  TFSCANN_ASSERT_OK(NewFile(folder.Path("file"))->Commit());
  struct stat other, file;
  ASSERT_EQ(stat(folder.Path("other").c_str(), &other), 0);
  ASSERT_EQ(stat(folder.Path("file").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode, other.st_mode);
}

TEST(TemporaryFileTest, ExtendsWithZerosAndNeverShrinks) {
  const TempFolder folder;
  const std::unique_ptr<TemporaryFile> file = NewFile(folder.Path("file"));
  TFSCANN_ASSERT_OK(file->Write(0, "ab", 2));
  TFSCANN_ASSERT_OK(file->Extend(5));
  TFSCANN_ASSERT_OK(file->Extend(3));
  TFSCANN_ASSERT_OK(file->Commit());
  EXPECT_EQ(ReadFile(folder.Path("file")), std::string("ab\0\0\0", 5));
}

TEST(TemporaryFileTest, MapsAnyPartForWritingAndOutlivesTheFile) {
  const TempFolder folder;
  std::unique_ptr<TemporaryFile> file = NewFile(folder.Path("file"));
  TFSCANN_ASSERT_OK(file->Extend(20000));
  const Result<std::shared_ptr<char>> part = file->Map(8193, 9000);
  TFSCANN_ASSERT_OK(part);
  std::memset(part->get(), 'x', 9000);
  TFSCANN_ASSERT_OK(file->Map(100, 0));
  TFSCANN_ASSERT_OK(file->Commit());
  file.reset();
  EXPECT_EQ(part->get()[8999], 'x');
  const std::string bytes = ReadFile(folder.Path("file"));
  EXPECT_EQ(bytes, std::string(8193, '\0') + std::string(9000, 'x') +
                       std::string(20000 - 8193 - 9000, '\0'));
}

TEST(TemporaryFileTest, SaysWhatIsWrong) {
  const TempFolder folder;
  const std::string path = folder.Path("missing/file");
  EXPECT_THAT(TemporaryFile::Create(path),
              Fails(StatusCode::kNotFound, "cannot create " + path + ": No such file"));
  const std::unique_ptr<TemporaryFile> file = NewFile(folder.Path("file"));
  std::filesystem::create_directory(folder.Path("file"));
  EXPECT_THAT(file->Commit(), Fails(StatusCode::kFailedPrecondition, "Is a directory"));
}

}  // namespace
}  // namespace tfscann::testing
