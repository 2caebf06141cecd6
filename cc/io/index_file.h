// Index <-> sections of a file. What is in each section: search/index_parts.h.
#ifndef TFSCANN_IO_INDEX_FILE_H_
#define TFSCANN_IO_INDEX_FILE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cc/base/executor.h"
#include "cc/base/status.h"
#include "cc/io/file.h"
#include "cc/search/index.h"

namespace tfscann {

namespace section {
inline constexpr char kParameters[] = "parameters";
inline constexpr char kRows[] = "rows";
inline constexpr char kInt8Rows[] = "int8_rows";
inline constexpr char kCenter[] = "center";
inline constexpr char kCentroids[] = "centroids";
inline constexpr char kLeafRadii[] = "leaf_radii";
inline constexpr char kRoutingVectors[] = "routing_vectors";
inline constexpr char kRoutingOffsets[] = "routing_offsets";
inline constexpr char kLeafNormTerms[] = "leaf_norm_terms";
inline constexpr char kLeafFirstGroups[] = "leaf_groups";
inline constexpr char kLeafSizes[] = "leaf_sizes";
inline constexpr char kPositionRows[] = "position_rows";
inline constexpr char kCodebooks[] = "codebooks";
inline constexpr char kNormCodebooks[] = "norm_codebooks";
inline constexpr char kCodes[] = "codes";
inline constexpr char kCodeScales[] = "code_scales";
inline constexpr char kIdentifiers[] = "identifiers";
inline constexpr char kIdentifierOffsets[] = "id_offsets";
inline constexpr char kIdentifierSlots[] = "id_slots";
}  // namespace section

// The fixed-size form of IndexParameters and the identifiers' type.
inline constexpr size_t kParametersBytes = 160;
void EncodeParameters(const IndexParameters& parameters, IdentifierType identifier_type,
                      char* bytes);

struct IndexFile {
  uint32_t format_version = 0;
  Memory memory;  // the file, as it was read
  std::shared_ptr<const Index> index;
  std::vector<std::pair<std::string, size_t>> section_bytes;  // in the order of the file
};

// Makes an index of a file's bytes, in place if they are aligned to a cache line and else in a
// copy. Everything that a search relies on is validated: DataLoss naming the section, or
// Unimplemented for a later format version. The bytes are read on `executor`; null: this thread.
Result<IndexFile> OpenIndex(Memory memory, Executor* executor = nullptr);

// Maps a local file. NotFound if there is none.
Result<IndexFile> OpenIndex(const std::string& path, Executor* executor = nullptr);

}  // namespace tfscann

#endif  // TFSCANN_IO_INDEX_FILE_H_
