#ifndef TFSCANN_PYBIND_INDEX_PY_H_
#define TFSCANN_PYBIND_INDEX_PY_H_

#include <pybind11/pybind11.h>

namespace tfscann {

// Registers `Index`.
void InitIndex(pybind11::module_& module);

}  // namespace tfscann

#endif  // TFSCANN_PYBIND_INDEX_PY_H_
