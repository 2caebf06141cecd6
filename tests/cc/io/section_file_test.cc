#include "cc/io/section_file.h"

#include <algorithm>

#include "cc/base/aligned_buffer.h"
#include "gtest/gtest.h"
#include "tests/cc/testing/index_bytes.h"
#include "tests/cc/testing/status_matchers.h"
#include "tests/cc/testing/temp_folder.h"

namespace tfscann::testing {
namespace {

Result<SectionReader> Open(const std::string& bytes) {
  InlineExecutor executor;
  return SectionReader::Open({bytes.data(), bytes.size()}, &executor);
}

std::string TextOf(Span<const char> bytes) { return {bytes.begin(), bytes.end()}; }

// Three sections, one grown and one empty.
std::string SmallFile() {
  const TempFolder folder;
  std::unique_ptr<SectionWriter> writer = std::move(*SectionWriter::Create(folder.Path("file")));
  writer->BeginSection("grown");
  for (const std::string part : {"one, ", "two, ", "three"}) {
    TFSCANN_EXPECT_OK(writer->Append(part.data(), part.size()));
  }
  const Result<Span<char>> grown = writer->EndSection();
  TFSCANN_EXPECT_OK(grown);
  EXPECT_EQ(TextOf(*grown), "one, two, three");
  TFSCANN_EXPECT_OK(writer->AddSection("empty", 0));
  const Result<Span<char>> filled = writer->AddSection("fifteen_letters", 100);
  TFSCANN_EXPECT_OK(filled);
  EXPECT_EQ(TextOf(*filled), std::string(100, '\0'));
  std::fill(filled->begin(), filled->end(), 'x');
  // What a section holds when the file is finished is what counts.
  (*grown)[0] = 'O';
  EXPECT_FALSE(std::filesystem::exists(folder.Path("file")));
  TFSCANN_EXPECT_OK(writer->Finish());
  return ReadFile(folder.Path("file"));
}

TEST(SectionFileTest, SectionsComeBack) {
  const std::string bytes = SmallFile();
  const Result<SectionReader> reader = Open(bytes);
  TFSCANN_ASSERT_OK(reader);
  ASSERT_EQ(reader->sections().size(), 3u);
  EXPECT_EQ(reader->sections()[0].name, "grown");
  EXPECT_EQ(reader->sections()[1].name, "empty");
  EXPECT_EQ(TextOf(reader->Find("grown")), "One, two, three");
  EXPECT_EQ(reader->Find("empty").size(), 0u);
  EXPECT_EQ(TextOf(reader->Find("fifteen_letters")), std::string(100, 'x'));
  EXPECT_EQ(reader->Find("none").size(), 0u);
  for (const SectionPlace& place : SectionPlaces(bytes)) EXPECT_EQ(place.offset % 64, 0u);
}

TEST(SectionFileTest, AFileWithoutSectionsIsAFile) {
  const TempFolder folder;
  TFSCANN_ASSERT_OK((*SectionWriter::Create(folder.Path("file")))->Finish());
  const std::string bytes = ReadFile(folder.Path("file"));
  EXPECT_EQ(bytes.size(), kHeaderSize);
  TFSCANN_EXPECT_OK(Open(bytes));
}

TEST(SectionFileTest, LayoutIsTheDocumentedOne) {
  const std::string bytes = SmallFile();
  EXPECT_EQ(bytes.substr(0, 8), std::string("TFSCANN\0", 8));
  EXPECT_EQ(Get<uint32_t>(bytes, kVersionAt), 6u);
  EXPECT_EQ(Get<uint64_t>(bytes, kFileSizeAt), bytes.size());
  EXPECT_EQ(Get<uint32_t>(bytes, kNumSectionsAt), 3u);
  std::string fixed = bytes;
  FixChecksums(&fixed);
  EXPECT_EQ(fixed, bytes);
}

TEST(SectionFileTest, EveryTruncationIsFound) {
  const std::string bytes = SmallFile();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const Result<SectionReader> reader = Open(bytes.substr(0, size));
    ASSERT_FALSE(reader.ok()) << size << " of " << bytes.size() << " bytes";
    ASSERT_EQ(reader.status().code(), StatusCode::kDataLoss);
  }
  EXPECT_THAT(Open(bytes.substr(0, 1000)),
              Fails(StatusCode::kDataLoss,
                    StrCat("header: the file should have ", bytes.size(), " bytes, but has 1000")));
  EXPECT_THAT(Open(bytes + "x"), Fails(StatusCode::kDataLoss, "header: the file should have"));
  EXPECT_THAT(Open(""), Fails(StatusCode::kDataLoss, "header: not a tensorflow-scann index file"));
}

TEST(SectionFileTest, EveryChangedByteIsFoundOrHarmless) {
  const std::string bytes = SmallFile();
  std::vector<bool> covered(bytes.size(), false);
  std::fill(covered.begin(), covered.begin() + kHeaderSize, true);
  for (const SectionPlace& place : SectionPlaces(bytes)) {
    std::fill_n(covered.begin() + place.offset, place.length, true);
  }
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const char change : {1, -128}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ change);
      // Between sections there is nothing to be damaged.
      ASSERT_EQ(Open(changed).ok(), !covered[at]) << "byte " << at;
    }
  }
}

struct BadHeader {
  void (*change)(std::string*);
  const char* message;
};

constexpr size_t kSecond = kTableAt + kTableEntryBytes;  // entry of the empty section
constexpr size_t kThird = kSecond + kTableEntryBytes;

// With every checksum right.
TEST(SectionFileTest, HeaderFieldsAreValidated) {
  const BadHeader bad_headers[] = {
      {[](std::string* b) { (*b)[0] = 'x'; }, "header: not a tensorflow-scann index file"},
      {[](std::string* b) { (*b)[7] = 'x'; }, "header: not a tensorflow-scann index file"},
      {[](std::string* b) { Set<uint32_t>(b, kVersionAt, 0); }, "header: format version 0"},
      {[](std::string* b) { Set<uint64_t>(b, kFileSizeAt, 5); },
       "header: the file should have 5 bytes, but has"},
      {[](std::string* b) { Set<uint64_t>(b, kFileSizeAt, ~uint64_t{0}); },
       "header: the file should have 18446744073709551615 bytes, but has"},
      {[](std::string* b) { Set<uint32_t>(b, kNumSectionsAt, 25); },
       "header: 25 sections, but at most 24 are possible"},
      {[](std::string* b) { Set<uint32_t>(b, kNumSectionsAt, ~uint32_t{0}); },
       "header: 4294967295 sections, but at most 24 are possible"},
      {[](std::string* b) { Set<uint32_t>(b, kHeaderReservedAt, 1); },
       "header: bytes 28 to 31 are not zero"},
      {[](std::string* b) { Set<uint32_t>(b, kNumSectionsAt, 4); },
       "header: section 3 has no valid name"},
      {[](std::string* b) { (*b)[kTableAt] = 0; }, "header: section 0 has no valid name"},
      {[](std::string* b) { (*b)[kTableAt + 15] = 'x'; }, "header: section 0 has no valid name"},
      {[](std::string* b) { Set<uint64_t>(b, kTableAt + 16, 1025); },
       "section 'grown': [1025, +15) is not a place in a file of"},
      {[](std::string* b) { Set<uint64_t>(b, kTableAt + 16, 960); },
       "section 'grown': [960, +15) is not a place"},
      {[](std::string* b) { Set<uint64_t>(b, kTableAt + 24, b->size()); },
       "section 'grown': [1024, +"},
      {[](std::string* b) { Set<uint64_t>(b, kTableAt + 24, ~uint64_t{0} - 1023); },
       "section 'grown': [1024, +18446744073709550592) is not a place"},
      {[](std::string* b) { Set<uint64_t>(b, kTableAt + 16, ~uint64_t{63}); },
       "section 'grown': [18446744073709551552, +15) is not a place"},
      {[](std::string* b) { Set<uint32_t>(b, kTableAt + 36, 1); }, "section 'grown': ["},
      // Overlapping the one before.
      {[](std::string* b) { Set<uint64_t>(b, kThird + 16, 1024); },
       "section 'fifteen_letters': [1024, +100) is not a place"},
      {[](std::string* b) { b->replace(kThird, 16, b->substr(kTableAt, 16)); },
       "section 'grown': there are two"},
  };
  for (const BadHeader& bad : bad_headers) {
    std::string bytes = SmallFile();
    bad.change(&bytes);
    FixChecksums(&bytes);
    EXPECT_THAT(Open(bytes), Fails(StatusCode::kDataLoss, bad.message));
  }
}

TEST(SectionFileTest, ChecksumsAreChecked) {
  std::string bytes = SmallFile();
  bytes[kHeaderSize + 3] ^= 1;
  EXPECT_THAT(Open(bytes),
              Fails(StatusCode::kDataLoss, "section 'grown': the checksum does not match"));
  bytes = SmallFile();
  bytes[kHeaderSize - 1] ^= 1;
  EXPECT_THAT(Open(bytes), Fails(StatusCode::kDataLoss, "header: the checksum does not match"));
}

// Whatever else a later version may have changed.
TEST(SectionFileTest, LaterVersionsAreRefusedByName) {
  std::string bytes = SmallFile();
  Set<uint32_t>(&bytes, kVersionAt, 7);
  std::fill(bytes.begin() + 12, bytes.end(), 'x');
  EXPECT_THAT(Open(bytes), Fails(StatusCode::kUnimplemented,
                                 "the index file has format version 7, but this library reads "
                                 "versions up to 6"));
}

TEST(SectionFileTest, AWriterThatIsGivenUpLeavesNothing) {
  const TempFolder folder;
  {
    std::unique_ptr<SectionWriter> writer = std::move(*SectionWriter::Create(folder.Path("file")));
    TFSCANN_ASSERT_OK(writer->AddSection("section", 1000));
  }
  EXPECT_TRUE(folder.Files().empty());
}

}  // namespace
}  // namespace tfscann::testing
