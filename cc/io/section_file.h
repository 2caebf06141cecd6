// A file of named, checksummed sections.
//
// Goals: it can be mapped and used in place; damage of any kind is found, and named, before any
// section is used; a writer that dies leaves no half-written file. Not goals: changing a file in
// place, compression, other byte orders than little-endian.
//
//   bytes 0-7     magic "TFSCANN" and a zero
//         8-11    format version
//         12-15   CRC-32C of the header with these four bytes zero
//         16-23   size of the file
//         24-27   number of sections
//         28-31   zero
//         32-     40 bytes a section: name (16, padded with zeros), offset (8), length (8),
//                 CRC-32C (4), zero (4)
// The header is kHeaderBytes long. Sections follow in the order of their table, each starting at
// a multiple of 64 bytes.
#ifndef TFSCANN_IO_SECTION_FILE_H_
#define TFSCANN_IO_SECTION_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cc/base/executor.h"
#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/io/file.h"

namespace tfscann {

inline constexpr uint32_t kFormatVersion = 6;
inline constexpr int64_t kHeaderBytes = 1024;
inline constexpr int64_t kMaxSections = 24;
inline constexpr int64_t kMaxSectionName = 15;

// The sections of a file in memory, whose bytes must outlive this.
class SectionReader {
 public:
  // DataLoss if the header or a section's checksum is wrong, or a section lies outside the file;
  // Unimplemented if a later version wrote it. Checksums are computed on `executor`.
  static Result<SectionReader> Open(Span<const char> file, Executor* executor);

  // The section's bytes; empty if there is no such section.
  Span<const char> Find(const std::string& name) const;

  struct Section {
    std::string name;
    Span<const char> bytes;
  };
  const std::vector<Section>& sections() const { return sections_; }
  uint32_t format_version() const { return format_version_; }

 private:
  uint32_t format_version_ = 0;
  std::vector<Section> sections_;
};

// Writes a file section by section.
class SectionWriter {
 public:
  static Result<std::unique_ptr<SectionWriter>> Create(const std::string& path);

  // A section that grows as its bytes arrive; until EndSection there can be no other.
  void BeginSection(const std::string& name);
  Status Append(const void* data, size_t size);
  // Returns the section, mapped; it stays so while this writer lives.
  Result<Span<char>> EndSection();

  // A section of `size` bytes, zeros at first, to be filled through the mapping.
  Result<Span<char>> AddSection(const std::string& name, size_t size);

  // Computes the checksums, writes the header and moves the file to its path.
  Status Finish();

 private:
  struct Section {
    std::string name;
    int64_t offset;
    Span<char> bytes;
    std::shared_ptr<char> mapping;
  };
  explicit SectionWriter(std::unique_ptr<TemporaryFile> file) : file_(std::move(file)) {}
  Result<Span<char>> MapSection(Section section, size_t size);

  const std::unique_ptr<TemporaryFile> file_;
  std::vector<Section> sections_;
  int64_t end_ = kHeaderBytes;  // of the last section
  Section growing_;
};

}  // namespace tfscann

#endif  // TFSCANN_IO_SECTION_FILE_H_
