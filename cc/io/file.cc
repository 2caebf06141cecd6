#include "cc/io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <random>

namespace tfscann {
namespace {

Status ErrnoStatus(int error, const char* action, const std::string& path) {
  StatusCode code = StatusCode::kInternal;
  if (error == ENOENT || error == ENOTDIR) code = StatusCode::kNotFound;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG || error == ENOMEM) {
    code = StatusCode::kResourceExhausted;
  }
  if (error == EACCES || error == EROFS || error == EPERM || error == EISDIR) {
    code = StatusCode::kFailedPrecondition;
  }
  return Status(code, StrCat("cannot ", action, " ", path, ": ", std::strerror(error)));
}

struct OpenFile {
  explicit OpenFile(const std::string& path) : fd(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd >= 0) close(fd);
  }

  const int fd;  // negative: errno says why
};

constexpr size_t kHugePage = size_t{1} << 21;

// Whether the system gives huge pages, of 2 MB on x86-64, to a process that asks for them.
bool HasHugePages() {
  const char* const wanted = std::getenv("TFSCANN_HUGE_PAGES");
  if (wanted != nullptr && std::strcmp(wanted, "0") == 0) return false;
  const OpenFile file("/sys/kernel/mm/transparent_hugepage/enabled");
  char modes[64] = {};  // as in "always [madvise] never"
  return file.fd >= 0 && read(file.fd, modes, sizeof(modes) - 1) > 0 &&
         std::strstr(modes, "[never]") == nullptr;
}

// The pages of this size that hold nothing but `part`, which may be none.
Span<char> WholePages(Span<const char> part, size_t page) {
  const uintptr_t begin = RoundUp(reinterpret_cast<uintptr_t>(part.begin()), page);
  const uintptr_t end = reinterpret_cast<uintptr_t>(part.end()) / page * page;
  if (begin >= end) return {};
  return {reinterpret_cast<char*>(begin), end - begin};
}

// Advice that may be refused, which changes nothing but speed and the count of pages.
void Advise(Span<char> pages, int advice) {
  if (!pages.empty()) (void)madvise(pages.data(), pages.size(), advice);
}

// New memory that starts where a huge page can; null if there is none.
char* MapAtHugePage(size_t size) {
  const size_t room = size + kHugePage;
  void* const mapping =
      mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  const uintptr_t address = reinterpret_cast<uintptr_t>(mapping);
  const size_t before = RoundUp(address, kHugePage) - address;
  char* const data = static_cast<char*>(mapping) + before;
  if (before > 0) munmap(mapping, before);
  munmap(data + size, kHugePage - before);  // at least a page, as addresses are multiples of one
  return data;
}

// Reads `size` bytes, or as many as there are.
Result<Memory> ReadAll(int fd, size_t size, const std::string& path) {
  TFSCANN_ASSIGN_OR_RETURN(const auto buffer, AllocateForFile(size));
  size_t done = 0;
  while (done < size) {
    const ssize_t count = read(fd, buffer->data() + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "read", path);
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return Memory{{buffer->data(), done}, buffer, /*mapped=*/false};
}

}  // namespace

Result<std::shared_ptr<AlignedBuffer<char>>> AllocateForFile(size_t size) {
  auto buffer = std::make_shared<AlignedBuffer<char>>();
  if (!buffer->TryResize(size)) {
    return Status(StatusCode::kResourceExhausted,
                  StrCat("no memory for a file of ", size, " bytes"));
  }
  if (HasHugePages()) Advise(WholePages({buffer->data(), size}, kHugePage), MADV_HUGEPAGE);
  return buffer;
}

Result<Memory> MapFile(const std::string& path) {
  const OpenFile file(path);
  if (file.fd < 0) return ErrnoStatus(errno, "open", path);
  struct stat info;
  if (fstat(file.fd, &info) != 0) return ErrnoStatus(errno, "read", path);
  if (!S_ISREG(info.st_mode)) return ErrnoStatus(EISDIR, "read", path);
  const size_t size = static_cast<size_t>(info.st_size);
  if (size == 0) return Memory{};
  // Private, which some file systems allow that share no mappings; pages are shared all the same.
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED && errno == ENODEV) return ReadAll(file.fd, size, path);
  if (data == MAP_FAILED) return ErrnoStatus(errno, "map", path);
  Memory memory;
  memory.mapped = true;
  memory.bytes = {static_cast<const char*>(data), size};
  memory.owner = std::shared_ptr<const void>(
      data, [size](const void* mapped) { munmap(const_cast<void*>(mapped), size); });
  return memory;
}

void ReleasePages(const Memory& memory, Span<const char> part) {
  if (!memory.mapped) return;
  Advise(WholePages(part, static_cast<size_t>(sysconf(_SC_PAGESIZE))), MADV_DONTNEED);
}

Status MoveToHugePages(const Memory& memory, Span<const char> part) {
  const Span<char> pages = WholePages(part, kHugePage);
  if (!memory.mapped || pages.empty() || !HasHugePages()) return Status();
  const size_t size = pages.size();
  char* const copy = MapAtHugePage(size);
  if (copy == nullptr) return Status();
  Advise({copy, size}, MADV_HUGEPAGE);
  std::memcpy(copy, pages.data(), size);
  (void)mprotect(copy, size, PROT_READ);
  if (mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, pages.data()) != MAP_FAILED) {
    return Status();
  }
  munmap(copy, size);
  // That may be before or after what was there has been unmapped. A hole is closed, so that no
  // memory of others comes to lie in what will be unmapped as the file's.
  void* const hole = mmap(pages.data(), size, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (hole == MAP_FAILED) return Status();
  if (hole == pages.data()) {
    return ErrnoStatus(ENOMEM, "move to huge pages", "a mapped file");
  }
  munmap(hole, size);  // a kernel before 4.17 takes the address for a wish
  return Status();
}

Result<std::unique_ptr<TemporaryFile>> TemporaryFile::Create(const std::string& final_path) {
  std::string path;
  int fd;
  do {
    path = StrCat(final_path, ".", std::random_device()(), ".tmp");
    fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd < 0 && errno == EEXIST);
  if (fd < 0) return ErrnoStatus(errno, "create", final_path);
  return std::unique_ptr<TemporaryFile>(new TemporaryFile(fd, path, final_path));
}

TemporaryFile::~TemporaryFile() {
  close(fd_);
  if (!path_.empty()) unlink(path_.c_str());
}

Status TemporaryFile::Error(const char* action) const {
  return ErrnoStatus(errno, action, final_path_);
}

Status TemporaryFile::Write(int64_t offset, const void* data, size_t size) {
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = pwrite(fd_, from, size, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error("write");
    from += written;
    offset += written;
    size -= static_cast<size_t>(written);
  }
  return Status();
}

Status TemporaryFile::Extend(int64_t size) {
  struct stat info;
  if (fstat(fd_, &info) != 0) return Error("write");
  if (info.st_size >= size) return Status();
  int error;
  do {
    error = posix_fallocate(fd_, info.st_size, size - info.st_size);
  } while (error == EINTR);
  if (error != 0) return ErrnoStatus(error, "extend", final_path_);
  return Status();
}

Result<std::shared_ptr<char>> TemporaryFile::Map(int64_t offset, size_t size) {
  if (size == 0) return std::shared_ptr<char>();
  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t begin = offset / page * page;
  const size_t length = size + static_cast<size_t>(offset - begin);
  void* data = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, begin);
  if (data == MAP_FAILED) return Error("map");
  return std::shared_ptr<char>(static_cast<char*>(data) + (offset - begin),
                               [data, length](char*) { munmap(data, length); });
}

Status TemporaryFile::Commit() {
  if (fsync(fd_) != 0) return Error("write");
  if (rename(path_.c_str(), final_path_.c_str()) != 0) return Error("create");
  path_.clear();
  // The new name must reach the disk too; a folder that cannot be opened for that is no failure.
  const size_t slash = final_path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : final_path_.substr(0, slash + 1);
  const int folder_fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd >= 0) {
    fsync(folder_fd);
    close(folder_fd);
  }
  return Status();
}

}  // namespace tfscann
