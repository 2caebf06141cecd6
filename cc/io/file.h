// The few file operations that io needs, with errors as Status. POSIX.
#ifndef TFSCANN_IO_FILE_H_
#define TFSCANN_IO_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"

namespace tfscann {

// Bytes and whatever keeps them in memory.
struct Memory {
  Span<const char> bytes;
  std::shared_ptr<const void> owner;
};

// Maps a file to read it. NotFound if there is none.
Result<Memory> MapFile(const std::string& path);

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
