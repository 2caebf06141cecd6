// The few file operations that io needs, with errors as Status. POSIX.
#ifndef TFSCANN_IO_FILE_H_
#define TFSCANN_IO_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "cc/base/aligned_buffer.h"
#include "cc/base/matrix_view.h"
#include "cc/base/status.h"

namespace tfscann {

// Bytes and whatever keeps them in memory.
struct Memory {
  Span<const char> bytes;
  std::shared_ptr<const void> owner;
  bool mapped = false;  // a read-only mapping of a file, by the operating system
};

// Memory to read a file of this size into, in huge pages where the system has them.
// ResourceExhausted if there is none.
Result<std::shared_ptr<AlignedBuffer<char>>> AllocateForFile(size_t size);

// Maps a file to read it, or reads it where its file system maps none. NotFound if there is none.
Result<Memory> MapFile(const std::string& path);

// Lets go of pages that hold nothing but `part` of mapped memory: they no longer count as the
// process's, and come back from the operating system's cache of the file when they are read. Does
// nothing to memory that is not mapped.
void ReleasePages(const Memory& memory, Span<const char> part);

// Gives `part` of mapped memory, at its place, huge pages of the process's own: reading from
// anywhere in it then seldom waits for an address to be translated. What does not fill a huge page
// stays mapped, and so does everything where the system has none, or with TFSCANN_HUGE_PAGES=0 in
// the environment. Nobody else may use the part meanwhile, and pages of it must not be released
// later. Does nothing to memory that is not mapped. ResourceExhausted if the part is lost for want
// of memory.
Status MoveToHugePages(const Memory& memory, Span<const char> part);

// A file being written under a temporary name in its final folder. Unless committed it is removed
// again, so that a failure leaves what was there before.
class TemporaryFile {
 public:
  static Result<std::unique_ptr<TemporaryFile>> Create(const std::string& final_path);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  Status Write(int64_t offset, const void* data, size_t size);

  // Makes the file at least `size` long, the new part being zeros with disk space behind them: a
  // full disk is an error here and no signal later.
  Status Extend(int64_t size);

  // Maps a part of the file, which must exist, for reading and writing. The mapping outlives this
  // object.
  Result<std::shared_ptr<char>> Map(int64_t offset, size_t size);

  // Writes everything to the disk and moves the file to its final path.
  Status Commit();

 private:
  TemporaryFile(int fd, std::string path, std::string final_path)
      : fd_(fd), path_(std::move(path)), final_path_(std::move(final_path)) {}
  Status Error(const char* action) const;

  int fd_;
  std::string path_;  // empty once committed
  const std::string final_path_;
};

}  // namespace tfscann

#endif  // TFSCANN_IO_FILE_H_
