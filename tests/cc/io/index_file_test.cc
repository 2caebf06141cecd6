#include "cc/io/index_file.h"

#include <limits>

#include "cc/io/section_file.h"
#include "gtest/gtest.h"
#include "tests/cc/io/kinds.h"
#include "tests/cc/testing/index_bytes.h"

namespace tfscann::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(IndexFileTest, ParametersComeBack) {
  const IndexFile file = *OpenIndex(MemoryOf(TreeL2Int8StringFile()));
  const IndexParameters& parameters = file.index->parameters();
  EXPECT_EQ(parameters.distance_measure, DistanceMeasure::kSquaredL2);
  EXPECT_EQ(parameters.reordering_dtype, ReorderingDtype::kInt8);
  EXPECT_EQ(parameters.num_candidates, kKindRows);
  EXPECT_EQ(parameters.dimensions, kKindDims);
  EXPECT_EQ(parameters.num_leaves, kKindLeaves);
  EXPECT_EQ(parameters.dimensions_per_block, 2);
  EXPECT_TRUE(parameters.soar);
  EXPECT_EQ(parameters.soar_lambda, 1.0);
  EXPECT_EQ(parameters.anisotropic_quantization_threshold, 0.2);
  EXPECT_EQ(parameters.training_iterations, 12);
  EXPECT_EQ(parameters.tuned_k, 10);
  EXPECT_EQ(parameters.target_recall, 0.95);
  EXPECT_EQ(file.index->identifiers().Bytes(7), "id7");
}

TEST(IndexFileTest, EncodedParametersAreWhatAFileHolds) {
  const std::string bytes = TreeCosineFloatFile();
  const IndexFile file = *OpenIndex(MemoryOf(bytes));
  char encoded[kParametersBytes];
  EncodeParameters(file.index->parameters(), IdentifierType::kFloat32, encoded);
  EXPECT_EQ(std::string(encoded, sizeof(encoded)),
            bytes.substr(PlaceOf(bytes, section::kParameters).offset, kParametersBytes));
}

TEST(IndexFileTest, SectionsAreListed) {
  const IndexFile file = *OpenIndex(MemoryOf(ExactInt64File()));
  std::vector<std::string> names;
  for (const auto& [name, size] : file.section_bytes) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"rows", "identifiers", "id_slots", "parameters"}));
  EXPECT_EQ(file.section_bytes[1].second, static_cast<size_t>(8 * kKindRows));
}

TEST(IndexFileTest, MemoryNeedNotBeAligned) {
  for (const FileKind& kind : AllFileKinds()) {
    const IndexFile aligned = *OpenIndex(MemoryOf(kind.bytes));
    for (const size_t past : {1, 4, 8, 63}) {
      // Whose memory is then gone.
      const IndexFile file = *OpenIndex(MemoryOf(kind.bytes, past));
      EXPECT_EQ(Search(*file.index, KindRows(), SearchOptions()),
                Search(*aligned.index, KindRows(), SearchOptions()));
    }
  }
  EXPECT_THAT(OpenIndex(MemoryOf("", 1)), Fails(StatusCode::kDataLoss, "header: not a"));
}

TEST(IndexFileTest, AnIndexKeepsItsMemory) {
  IndexFile file = *OpenIndex(MemoryOf(TreeDotFile(), 1));
  const Results expected = Search(*file.index, KindRows(), SearchOptions());
  const std::shared_ptr<const Index> index = file.index;
  file = IndexFile();
  EXPECT_EQ(Search(*index, KindRows(), SearchOptions()), expected);
}

TEST(IndexFileTest, MissingAndForeignFilesAreNamed) {
  const TempFolder folder;
  const std::string path = folder.Path("missing");
  EXPECT_THAT(OpenIndex(path), Fails(StatusCode::kNotFound, "cannot open " + path));
  WriteFile(folder.Path("text"), std::string(5000, 'x'));
  EXPECT_THAT(OpenIndex(folder.Path("text")),
              Fails(StatusCode::kDataLoss, "header: not a tensorflow-scann index file"));
  WriteFile(folder.Path("empty"), "");
  EXPECT_THAT(OpenIndex(folder.Path("empty")),
              Fails(StatusCode::kDataLoss, "header: not a tensorflow-scann index file"));
}

TEST(IndexFileTest, TruncationsAreFoundAtEverySection) {
  for (const FileKind& kind : AllFileKinds()) {
    std::vector<size_t> sizes = {0, 1, 31, 32, 100, 1023, 1024, kind.bytes.size() - 1};
    for (const SectionPlace& place : SectionPlaces(kind.bytes)) {
      for (const uint64_t end : {place.offset, place.offset + 1, place.offset + place.length}) {
        if (end < kind.bytes.size()) sizes.push_back(end);
      }
    }
    for (const size_t size : sizes) {
      std::string bytes = kind.bytes.substr(0, size);
      EXPECT_THAT(OpenIndex(MemoryOf(bytes)), Fails(StatusCode::kDataLoss, "header: "));
      if (size < kHeaderSize) continue;
      // As if written so: the section table then reaches beyond the file.
      Set<uint64_t>(&bytes, kFileSizeAt, size);
      FixChecksums(&bytes);
      EXPECT_THAT(OpenIndex(MemoryOf(bytes)), Fails(StatusCode::kDataLoss, "section '"));
    }
  }
}

TEST(IndexFileTest, LaterVersionsAreRefusedByName) {
  std::string bytes = TreeDotFile();
  Set<uint32_t>(&bytes, kVersionAt, 7);
  EXPECT_THAT(OpenIndex(MemoryOf(bytes)), Fails(StatusCode::kUnimplemented,
                                                "the index file has format version 7, but this "
                                                "library reads versions up to 6"));
}

// What is said of a section of another length than it should have. Strings have as many bytes as
// their offsets say.
std::string LengthMessage(const FileKind& kind, const SectionPlace& place, uint64_t length) {
  const bool strings = kind.name == std::string("tree, squared L2, int8, strings");
  if (strings && place.name == section::kIdentifiers) {
    return StrCat("section 'id_offsets': they do not cover ", length, " bytes");
  }
  return StrCat("section '", place.name, "': it should have ", place.length, " bytes, but has ",
                length);
}

TEST(IndexFileTest, AMissingSectionIsNamed) {
  for (const FileKind& kind : AllFileKinds()) {
    for (const SectionPlace& place : SectionPlaces(kind.bytes)) {
      std::string bytes = kind.bytes;
      bytes[place.entry] = 'x';
      FixChecksums(&bytes);
      EXPECT_THAT(OpenIndex(MemoryOf(bytes)),
                  Fails(StatusCode::kDataLoss, LengthMessage(kind, place, 0)))
          << kind.name;
    }
  }
}

TEST(IndexFileTest, ASectionOfAnotherSizeIsNamed) {
  for (const FileKind& kind : AllFileKinds()) {
    for (const SectionPlace& place : SectionPlaces(kind.bytes)) {
      for (const uint64_t length : {place.length - 8, place.length - 4, place.length - 1}) {
        std::string bytes = kind.bytes;
        Set<uint64_t>(&bytes, place.entry + 24, length);
        FixChecksums(&bytes);
        EXPECT_THAT(OpenIndex(MemoryOf(bytes)),
                    Fails(StatusCode::kDataLoss, LengthMessage(kind, place, length)))
            << kind.name;
      }
    }
  }
}

// Writes `value` at byte `at` of a section, with all checksums right.
template <typename T>
std::string Changed(std::string bytes, const char* section, size_t at, T value) {
  Set<T>(&bytes, PlaceOf(bytes, section).offset + at, value);
  FixChecksums(&bytes);
  return bytes;
}

struct BadContent {
  std::string bytes;
  const char* message;
};
void ExpectAllRefused(const std::vector<BadContent>& contents) {
  for (const BadContent& bad : contents) {
    EXPECT_THAT(OpenIndex(MemoryOf(bad.bytes)), Fails(StatusCode::kDataLoss, bad.message));
  }
}

TEST(IndexFileTest, ParametersAreValidated) {
  const std::string tree = TreeDotFile();
  const auto with = [&](size_t at, auto value) {
    return Changed(tree, section::kParameters, at, value);
  };
  ExpectAllRefused({
      {with(0, uint32_t{3}), "section 'parameters': distance_measure is 3"},
      {with(4, uint32_t{2}), "section 'parameters': reordering_dtype is 2"},
      {with(8, uint32_t{6}), "section 'parameters': identifier_type is 6"},
      {with(12, uint32_t{2}), "section 'parameters': soar is 2"},
      {with(16, int64_t{0}), "section 'parameters': num_candidates is 0"},
      {with(16, int64_t{1} << 31), "section 'parameters': num_candidates is 2147483648"},
      {with(24, int64_t{0}), "section 'parameters': dimensions is 0"},
      {with(24, int64_t{16385}), "section 'parameters': dimensions is 16385"},
      {with(32, int64_t{-1}), "section 'parameters': num_leaves is -1"},
      {with(32, kKindRows + 1), "section 'parameters': num_leaves is 61"},
      {with(40, int64_t{0}), "section 'parameters': dimensions_per_block is 0"},
      {with(40, kKindDims + 1), "section 'parameters': dimensions_per_block is 7"},
      {with(48, int64_t{0}), "section 'parameters': num_leaves_to_search is 0"},
      {with(48, kKindLeaves + 1), "section 'parameters': num_leaves_to_search is 6"},
      {with(56, int64_t{0}), "section 'parameters': num_reordering_candidates is 0"},
      {with(88, kInfinity), "section 'parameters': soar_lambda is inf"},
      {with(96, kInfinity), "section 'parameters': anisotropic_quantization_threshold is inf"},
      {with(104, kInfinity), "section 'parameters': target_recall is inf"},
      {with(112, -kInfinity), "section 'parameters': measured_recall is -inf"},
      {with(136, uint32_t{2}), "section 'parameters': branches is 2"},
      {with(140, uint32_t{2}), "section 'parameters': learned_routing is 2"},
      {with(140, uint32_t{1}), "section 'routing_vectors': it should have"},
      {Changed(TreeCosineFloatFile(), section::kParameters, 140, uint32_t{1}),
       "section 'parameters': learned_routing is 1"},
      {with(132, uint32_t{15}), "section 'parameters': int8_row_stride is 15"},
      {with(132, uint32_t{81}), "section 'parameters': int8_row_stride is 81"},
      {with(132, uint32_t{20}), "section 'int8_rows': it should have"},
      {with(120, kNan), "section 'parameters': leaf_intercept is nan"},
      {with(124, static_cast<float>(kInfinity)), "section 'parameters': leaf_best_weight is inf"},
      {with(128, -static_cast<float>(kInfinity)),
       "section 'parameters': leaf_deviation_weight is -inf"},
      {with(144, kNan), "section 'parameters': longest_residual is nan"},
      {with(144, -1.0f), "section 'parameters': longest_residual is -1"},
  });
  // 16384 blocks of one dimension each.
  std::string blocks = with(24, int64_t{16384});
  blocks = Changed(blocks, section::kParameters, 40, int64_t{1});
  blocks = Changed(blocks, section::kParameters, 132, uint32_t{0});
  ExpectAllRefused({{blocks, "section 'parameters': more than 4096 blocks"}});
}

TEST(IndexFileTest, ContentIsValidated) {
  const std::string exact = ExactInt64File(), tree = TreeDotFile(), l2 = TreeL2Int8StringFile();
  const std::string learned = TreeRoutingFile();
  const size_t scale_at = 8 + 12;  // of the second row: 6 bytes, padded to 8, then scale and norm
  const size_t norm_at = scale_at + 16;
  ExpectAllRefused({
      {Changed(exact, section::kRows, 40, kNan), "section 'rows': a value is NaN or infinite"},
      {Changed(tree, section::kLeafRadii, 4, kNan), "section 'leaf_radii': a value is NaN"},
      {Changed(tree, section::kCodebooks, 4, kNan), "section 'codebooks': a value is NaN"},
      {Changed(tree, section::kCodeScales, 5, uint8_t{128}),
       "section 'code_scales': a scale is more than 127"},
      {Changed(l2, section::kCenter, 4, kNan), "section 'center': a value is NaN"},
      {Changed(l2, section::kNormCodebooks, 4, kNan), "section 'norm_codebooks': a value is NaN"},
      {Changed(l2, section::kLeafNormTerms, 4, kNan), "section 'leaf_norm_terms': a value is NaN"},
      {Changed(tree, section::kInt8Rows, 8 + 16, kNan),
       "section 'int8_rows': the scale of row 1 is NaN or infinite"},
      {Changed(tree, section::kCentroids, norm_at - 8, kNan),
       "section 'centroids': the scale of row 1 is NaN or infinite"},
      {Changed(learned, section::kRoutingVectors, norm_at - 8, kNan),
       "section 'routing_vectors': the scale of row 1 is NaN or infinite"},
      {Changed(learned, section::kRoutingOffsets, 4, kNan),
       "section 'routing_offsets': a value is NaN"},
      {Changed(exact, section::kIdentifierSlots, 0, int32_t{60}),
       "section 'id_slots': row 60 of 60"},
      {Changed(exact, section::kIdentifierSlots, 0, int32_t{-2}),
       "section 'id_slots': row -2 of 60"},
      {Changed(l2, section::kIdentifierOffsets, 0, uint64_t{1}),
       "section 'id_offsets': they do not cover"},
      {Changed(l2, section::kIdentifierOffsets, 8, uint64_t{1000}),
       "section 'id_offsets': offset 2 is less than the one before"},
      {Changed(l2, section::kIdentifierOffsets, 60 * 8, uint64_t{1000}),
       "section 'id_offsets': they do not cover"},
      {Changed(tree, section::kLeafFirstGroups, 0, uint32_t{1}),
       "section 'leaf_groups': leaf 0 does not start where the last ends"},
      {Changed(tree, section::kLeafFirstGroups, 8, uint32_t{~0u}),
       "section 'leaf_groups': leaf 2 does not start where the last ends"},
      {Changed(tree, section::kLeafFirstGroups, 4 * kKindLeaves, uint32_t{99}),
       "section 'leaf_groups': the last leaf does not end where it should"},
      {Changed(tree, section::kLeafSizes, 4 * (kKindLeaves - 1), uint32_t{0}),
       "section 'leaf_groups': the last leaf does not end where it should"},
      {Changed(tree, section::kLeafSizes, 0, uint32_t{~0u}),
       "section 'leaf_sizes': too many candidates in the leaves"},
      {Changed(tree, section::kPositionRows, 0, int32_t{60}),
       "section 'position_rows': row 60 of 60"},
      {Changed(tree, section::kPositionRows, 0, int32_t{-1}),
       "section 'position_rows': row -1 of 60"},
  });
  // One candidate fewer in a leaf, of the same number of groups.
  const uint32_t size = Get<uint32_t>(tree, PlaceOf(tree, section::kLeafSizes).offset);
  ExpectAllRefused(
      {{Changed(tree, section::kLeafSizes, 0, size - 1),
        "section 'leaf_sizes': 119 candidates in all leaves, but there should be 120"}});
}

TEST(IndexFileTest, SectionNamesArePrintable) {
  std::string bytes = ExactInt64File();
  // A section more, which no index has.
  const size_t entry = kTableAt + 4 * kTableEntryBytes;
  Set<uint32_t>(&bytes, kNumSectionsAt, 5);
  bytes.replace(entry, 6, "extra_");
  Set<uint64_t>(&bytes, entry + 16, (bytes.size() + 63) / 64 * 64);
  bytes.resize((bytes.size() + 63) / 64 * 64);
  Set<uint64_t>(&bytes, kFileSizeAt, bytes.size());
  FixChecksums(&bytes);
  TFSCANN_EXPECT_OK(OpenIndex(MemoryOf(bytes)));
  bytes[entry] = '"';
  FixChecksums(&bytes);
  EXPECT_THAT(
      OpenIndex(MemoryOf(bytes)),
      Fails(StatusCode::kDataLoss, "header: a section's name is not of letters, digits and _"));
}

}  // namespace
}  // namespace tfscann::testing
