#ifndef TFSCANN_PYBIND_BUILDER_PY_H_
#define TFSCANN_PYBIND_BUILDER_PY_H_

#include <pybind11/pybind11.h>

namespace tfscann {

// Registers `Builder`.
void InitBuilder(pybind11::module_& module);

}  // namespace tfscann

#endif  // TFSCANN_PYBIND_BUILDER_PY_H_
