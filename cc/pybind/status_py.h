// The one place where a Status becomes a Python exception.
#ifndef TFSCANN_PYBIND_STATUS_PY_H_
#define TFSCANN_PYBIND_STATUS_PY_H_

#include <pybind11/pybind11.h>

#include "cc/base/status.h"

namespace tfscann {

// Registers `DataLossError` and `UnimplementedError`; call once, before any of the below.
void InitStatus(pybind11::module_& module);

// Raises ValueError, FileNotFoundError, DataLossError, UnimplementedError, OSError or RuntimeError.
[[noreturn]] void Raise(const Status& status);

inline void RaiseIfError(const Status& status) {
  if (!status.ok()) Raise(status);
}

}  // namespace tfscann

#endif  // TFSCANN_PYBIND_STATUS_PY_H_
