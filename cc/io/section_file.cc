#include "cc/io/section_file.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "cc/base/aligned_buffer.h"
#include "cc/kernels/crc32c.h"

namespace tfscann {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "index files are mapped as they are");

constexpr char kMagic[8] = "TFSCANN";

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t header_crc;
  uint64_t file_size;
  uint32_t num_sections;
  uint32_t reserved;
};
struct TableEntry {
  char name[16];
  uint64_t offset;
  uint64_t length;
  uint32_t crc;
  uint32_t reserved;
};
static_assert(sizeof(Header) == 32 && sizeof(TableEntry) == 40);
static_assert(sizeof(Header) + kMaxSections * sizeof(TableEntry) <= kHeaderBytes);

uint32_t HeaderCrc(const char* header) {
  char copy[kHeaderBytes];
  std::memcpy(copy, header, kHeaderBytes);
  std::memset(copy + offsetof(Header, header_crc), 0, sizeof(uint32_t));
  return ExtendCrc32c(0, copy, kHeaderBytes);
}

// The checksum of each section. They are read in parts, by all threads.
std::vector<uint32_t> Checksums(const std::vector<SectionReader::Section>& sections,
                                Executor* executor) {
  constexpr size_t kPartBytes = size_t{1} << 20;
  struct Part {
    size_t section;
    Span<const char> bytes;
  };
  std::vector<Part> parts;
  for (size_t section = 0; section < sections.size(); ++section) {
    const Span<const char> bytes = sections[section].bytes;
    for (size_t begin = 0; begin < bytes.size(); begin += kPartBytes) {
      const size_t size = std::min(kPartBytes, bytes.size() - begin);
      parts.push_back({section, {bytes.data() + begin, size}});
    }
  }
  std::vector<uint32_t> of_part(parts.size());
  executor->ParallelFor(static_cast<int64_t>(parts.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      of_part[i] = ExtendCrc32c(0, parts[i].bytes.data(), parts[i].bytes.size());
    }
  });
  std::vector<uint32_t> checksums(sections.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    uint32_t& checksum = checksums[parts[i].section];
    checksum = CombineCrc32c(checksum, of_part[i], parts[i].bytes.size());
  }
  return checksums;
}

}  // namespace

Result<SectionReader> SectionReader::Open(Span<const char> file, Executor* executor) {
  if (file.size() < sizeof(Header) || std::memcmp(file.data(), kMagic, sizeof(kMagic)) != 0) {
    return DataLoss("header: not a tensorflow-scann index file");
  }
  Header header;
  std::memcpy(&header, file.data(), sizeof(header));
  if (header.version > kFormatVersion) {
    return Status(StatusCode::kUnimplemented,
                  StrCat("the index file has format version ", header.version,
                         ", but this library reads versions up to ", kFormatVersion));
  }
  if (header.version < 1) return DataLoss("header: format version 0");
  if (header.file_size != file.size() || file.size() < kHeaderBytes) {
    return DataLoss("header: the file should have ", header.file_size, " bytes, but has ",
                    file.size());
  }
  if (header.header_crc != HeaderCrc(file.data())) {
    return DataLoss("header: the checksum does not match");
  }
  if (header.reserved != 0) return DataLoss("header: bytes 28 to 31 are not zero");
  if (header.num_sections > kMaxSections) {
    return DataLoss("header: ", header.num_sections, " sections, but at most ", kMaxSections,
                    " are possible");
  }

  SectionReader reader;
  reader.format_version_ = header.version;
  std::vector<uint32_t> expected;
  uint64_t end = kHeaderBytes;
  for (uint32_t i = 0; i < header.num_sections; ++i) {
    TableEntry entry;
    std::memcpy(&entry, file.data() + sizeof(Header) + i * sizeof(entry), sizeof(entry));
    if (entry.name[0] == 0 || entry.name[kMaxSectionName] != 0) {
      return DataLoss("header: section ", i, " has no valid name");
    }
    const std::string name = entry.name;
    if (entry.offset % kCacheLine != 0 || entry.offset < end || entry.offset > file.size() ||
        entry.length > file.size() - entry.offset || entry.reserved != 0) {
      return DataLoss("section '", name, "': [", entry.offset, ", +", entry.length,
                      ") is not a place in a file of ", file.size(), " bytes");
    }
    if (!reader.Find(name).empty()) return DataLoss("section '", name, "': there are two");
    end = entry.offset + entry.length;
    const Span<const char> bytes(file.data() + entry.offset, entry.length);
    reader.sections_.push_back({name, bytes});
    expected.push_back(entry.crc);
  }
  const std::vector<uint32_t> found = Checksums(reader.sections_, executor);
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i] != expected[i]) {
      return DataLoss("section '", reader.sections_[i].name, "': the checksum does not match");
    }
  }
  return reader;
}

Span<const char> SectionReader::Find(const std::string& name) const {
  for (const Section& section : sections_) {
    if (section.name == name) return section.bytes;
  }
  return {};
}

Result<std::unique_ptr<SectionWriter>> SectionWriter::Create(const std::string& path) {
  TFSCANN_ASSIGN_OR_RETURN(std::unique_ptr<TemporaryFile> file, TemporaryFile::Create(path));
  return std::unique_ptr<SectionWriter>(new SectionWriter(std::move(file)));
}

void SectionWriter::BeginSection(const std::string& name) {
  assert(growing_.name.empty());
  end_ = RoundUp(end_, kCacheLine);
  growing_ = {name, end_, {}, nullptr};
}

Status SectionWriter::Append(const void* data, size_t size) {
  assert(!growing_.name.empty());
  TFSCANN_RETURN_IF_ERROR(file_->Write(end_, data, size));
  end_ += static_cast<int64_t>(size);
  return Status();
}

Result<Span<char>> SectionWriter::EndSection() {
  const size_t size = static_cast<size_t>(end_ - growing_.offset);
  Section section = std::move(growing_);
  growing_ = Section();
  return MapSection(std::move(section), size);
}

Result<Span<char>> SectionWriter::AddSection(const std::string& name, size_t size) {
  assert(growing_.name.empty());
  end_ = RoundUp(end_, kCacheLine);
  const int64_t offset = end_;
  end_ += static_cast<int64_t>(size);
  TFSCANN_RETURN_IF_ERROR(file_->Extend(end_));
  return MapSection({name, offset, {}, nullptr}, size);
}

Result<Span<char>> SectionWriter::MapSection(Section section, size_t size) {
  assert(section.name.size() <= kMaxSectionName && sections_.size() < kMaxSections);
  TFSCANN_ASSIGN_OR_RETURN(section.mapping, file_->Map(section.offset, size));
  section.bytes = {section.mapping.get(), size};
  sections_.push_back(section);
  return section.bytes;
}

Status SectionWriter::Finish() {
  TFSCANN_RETURN_IF_ERROR(file_->Extend(end_));
  char bytes[kHeaderBytes] = {};
  Header header = {};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.version = kFormatVersion;
  header.file_size = static_cast<uint64_t>(end_);
  header.num_sections = static_cast<uint32_t>(sections_.size());
  std::memcpy(bytes, &header, sizeof(header));
  for (size_t i = 0; i < sections_.size(); ++i) {
    const Section& section = sections_[i];
    TableEntry entry = {};
    std::memcpy(entry.name, section.name.data(), section.name.size());
    entry.offset = static_cast<uint64_t>(section.offset);
    entry.length = section.bytes.size();
    entry.crc = ExtendCrc32c(0, section.bytes.data(), section.bytes.size());
    std::memcpy(bytes + sizeof(header) + i * sizeof(entry), &entry, sizeof(entry));
  }
  const uint32_t crc = HeaderCrc(bytes);
  std::memcpy(bytes + offsetof(Header, header_crc), &crc, sizeof(crc));
  TFSCANN_RETURN_IF_ERROR(file_->Write(0, bytes, kHeaderBytes));
  return file_->Commit();
}

}  // namespace tfscann
