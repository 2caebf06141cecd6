// Damaged files: each is an error that says where, or an index that can be searched. What makes
// this a test of memory safety is running it under AddressSanitizer and UBSan.
#include <limits>

#include "cc/io/describe.h"
#include "cc/io/index_file.h"
#include "gtest/gtest.h"
#include "tests/cc/io/kinds.h"
#include "tests/cc/testing/index_bytes.h"

namespace tfscann::testing {
namespace {

constexpr int kFilesOfEachKind = 2500;

// Looks at everything that an index offers.
void UseIndex(const IndexFile& file) {
  const Index& index = *file.index;
  const int64_t n = index.parameters().num_candidates, dims = index.parameters().dimensions;
  Matrix queries = RandomMatrix(3, dims, 5);
  queries.row(2)[dims - 1] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::vector<int32_t>> excluded = {{}, {0, static_cast<int32_t>(n - 1)}, {0}};
  for (const SearchOptions& options : {SearchOptions(), Exhaustive(3)}) {
    const Results results = Search(index, queries, options, excluded);
    for (int64_t i = 0; i < 3 * options.k; ++i) {
      ASSERT_GE(results.rows[i], -1);
      ASSERT_LT(results.rows[i], n);
      ASSERT_FALSE(results.scores[i] != results.scores[i]);
      if (i >= options.k && i < 2 * options.k) {
        ASSERT_NE(results.rows[i], 0);
        ASSERT_NE(results.rows[i], n - 1);
      }
    }
    ASSERT_EQ(results.Of(2).rows, std::vector<int32_t>(options.k, -1));
  }
  if (index.identifiers().type() != IdentifierType::kRowNumber) {
    for (int64_t row = 0; row < n; ++row) {
      const std::string bytes(index.identifiers().Bytes(row));
      index.identifiers().FindRows(bytes, [&](int64_t found) {
        ASSERT_GE(found, 0);
        ASSERT_LT(found, n);
        ASSERT_EQ(index.identifiers().Bytes(found), bytes);
      });
    }
  }
  const std::string description = DescribeIndex(file);
  for (const char* no_json : {": nan", ": -nan", ": inf", ": -inf"}) {
    ASSERT_EQ(description.find(no_json), std::string::npos) << description;
  }
}

// Returns whether the file could be opened.
bool OpenAndUse(const std::string& bytes) {
  const Result<IndexFile> file = OpenIndex(MemoryOf(bytes));
  if (file.ok()) {
    UseIndex(*file);
    return true;
  }
  const std::string& message = file.status().message();
  const bool says_where = message.rfind("section '", 0) == 0 || message.rfind("header: ", 0) == 0 ||
                          file.status().code() == StatusCode::kUnimplemented;
  EXPECT_TRUE(says_where) << message;
  return false;
}

// Changes up to three bytes or numbers, half of the time in the header or the parameters, where a
// change means most.
void Damage(Random* random, std::string* bytes) {
  const SectionPlace parameters = PlaceOf(*bytes, section::kParameters);
  const uint64_t extremes[] = {0,
                               1,
                               ~uint64_t{0},
                               0x7fffffff,
                               0x80000000,
                               0x7fffffffffffffff,
                               0x7ff8000000000000,
                               0x7fc000007fc00000,
                               0xff7fffffff7fffff};
  const int64_t changes = IntegerIn(random, 1, 3);
  for (int64_t i = 0; i < changes; ++i) {
    size_t at = random->Below(bytes->size());
    switch (random->Below(4)) {
      case 0:
        at = random->Below(kTableAt + 12 * kTableEntryBytes);
        break;
      case 1:
        at = parameters.offset + random->Below(parameters.length);
        break;
    }
    switch (random->Below(4)) {
      case 0:
        (*bytes)[at] = static_cast<char>(random->Next());
        break;
      case 1:
        (*bytes)[at] = static_cast<char>((*bytes)[at] ^ 1 << random->Below(8));
        break;
      case 2:
        at = std::min(at, bytes->size() - 8) / 4 * 4;
        Set<uint32_t>(bytes, at, static_cast<uint32_t>(extremes[random->Below(9)]));
        break;
      case 3:
        at = std::min(at, bytes->size() - 8) / 8 * 8;
        Set<uint64_t>(bytes, at, extremes[random->Below(9)]);
        break;
    }
  }
}

TEST(IndexFileFuzzTest, DamageIsFoundByChecksums) {
  for (const FileKind& kind : AllFileKinds()) {
    int opened = 0;
    for (int i = 0; i < kFilesOfEachKind; ++i) {
      Random random(1, 0, i);
      std::string bytes = kind.bytes;
      Damage(&random, &bytes);
      opened += OpenAndUse(bytes);
      if (HasFatalFailure()) FAIL() << kind.name << ", file " << i;
    }
    // Those that were changed between sections, or to what was there.
    EXPECT_LT(opened, kFilesOfEachKind / 10) << kind.name;
  }
}

// The same with checksums that are right, so that validation alone stands between the damage and a
// search.
TEST(IndexFileFuzzTest, DamageUnderRightChecksumsIsAnErrorOrAnIndex) {
  for (const FileKind& kind : AllFileKinds()) {
    int opened = 0;
    for (int i = 0; i < kFilesOfEachKind; ++i) {
      Random random(2, 0, i);
      std::string bytes = kind.bytes;
      Damage(&random, &bytes);
      FixChecksums(&bytes);
      opened += OpenAndUse(bytes);
      if (HasFatalFailure()) FAIL() << kind.name << ", file " << i;
    }
    // Both must happen for this to be a test of both.
    EXPECT_GT(opened, kFilesOfEachKind / 10) << kind.name;
    EXPECT_LT(opened, kFilesOfEachKind * 9 / 10) << kind.name;
  }
}

// Whole sections of noise: scales, radii and codes that no build would write.
TEST(IndexFileFuzzTest, SectionsOfNoiseAreAnErrorOrAnIndex) {
  for (const FileKind& kind : AllFileKinds()) {
    for (const SectionPlace& place : SectionPlaces(kind.bytes)) {
      for (uint64_t i = 0; i < 20; ++i) {
        Random random(3, 0, i);
        std::string bytes = kind.bytes;
        for (size_t at = place.offset; at < place.offset + place.length; ++at) {
          // The second half of the rounds makes no NaN: exponents are kept from being all ones.
          const uint64_t mask = i < 10 ? 0xff : 0x3f;
          bytes[at] = static_cast<char>(random.Next() & mask);
        }
        FixChecksums(&bytes);
        OpenAndUse(bytes);
        if (HasFatalFailure()) FAIL() << kind.name << ", section " << place.name;
      }
    }
  }
}

TEST(IndexFileFuzzTest, RandomBytesAreNoIndex) {
  const std::string magic = ExactInt64File().substr(0, kFileSizeAt);
  for (uint64_t i = 0; i < 2000; ++i) {
    Random random(4, 0, i);
    std::string bytes(random.Below(5000), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.Next());
    EXPECT_FALSE(OpenAndUse(bytes));
    if (bytes.size() < kHeaderSize) continue;
    // With all of the header right but the table.
    bytes.replace(0, magic.size(), magic);
    Set<uint64_t>(&bytes, kFileSizeAt, bytes.size());
    Set<uint32_t>(&bytes, kNumSectionsAt, static_cast<uint32_t>(random.Below(24)));
    Set<uint32_t>(&bytes, kHeaderReservedAt, 0);
    FixChecksums(&bytes);
    EXPECT_FALSE(OpenAndUse(bytes));
  }
}

}  // namespace
}  // namespace tfscann::testing
