// What an index is, as JSON: for `info()` and the command line.
#ifndef TFSCANN_IO_DESCRIBE_H_
#define TFSCANN_IO_DESCRIBE_H_

#include <string>

#include "cc/io/index_file.h"

namespace tfscann {

// One JSON object: every parameter as chosen, the bytes of each section, the format version and the
// kernels in use. Parameters of the tree are null in an exact index.
std::string DescribeIndex(const IndexFile& file);

}  // namespace tfscann

#endif  // TFSCANN_IO_DESCRIBE_H_
