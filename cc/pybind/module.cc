// `_engine`: building and inspecting indexes from Python, with no TensorFlow. Searching is here for
// benchmarks and tools; models search through the TensorFlow ops.
#include <pybind11/pybind11.h>

#include "cc/io/section_file.h"
#include "cc/kernels/target.h"
#include "cc/pybind/builder_py.h"
#include "cc/pybind/index_py.h"
#include "cc/pybind/status_py.h"

PYBIND11_MODULE(_engine, module) {
  module.doc() = "The engine of tensorflow_scann: builds index files and inspects them.";
  tfscann::InitStatus(module);
  tfscann::InitBuilder(module);
  tfscann::InitIndex(module);
  module.attr("FORMAT_VERSION") = tfscann::kFormatVersion;
  module.def(
      "cpu_kernels", [] { return tfscann::TargetName(tfscann::ActiveTarget()); },
      "Name of the instruction sets in use: 'scalar', 'avx2' or 'avx512'.");
}
