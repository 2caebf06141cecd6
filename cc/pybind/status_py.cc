#include "cc/pybind/status_py.h"

namespace py = pybind11;

namespace tfscann {
namespace {

PyObject* data_loss_error = nullptr;
PyObject* unimplemented_error = nullptr;

PyObject* ExceptionFor(StatusCode code) {
  switch (code) {
    case StatusCode::kInvalidArgument:
      return PyExc_ValueError;
    case StatusCode::kNotFound:
      return PyExc_FileNotFoundError;
    case StatusCode::kDataLoss:
      return data_loss_error;
    case StatusCode::kUnimplemented:
      return unimplemented_error;
    case StatusCode::kFailedPrecondition:
    case StatusCode::kResourceExhausted:
      return PyExc_OSError;
    default:
      return PyExc_RuntimeError;
  }
}

}  // namespace

void InitStatus(py::module_& module) {
  // Kept for as long as the interpreter lives.
  data_loss_error = py::exception<void>(module, "DataLossError", PyExc_ValueError).release().ptr();
  unimplemented_error =
      py::exception<void>(module, "UnimplementedError", PyExc_ValueError).release().ptr();
}

void Raise(const Status& status) {
  py::set_error(ExceptionFor(status.code()), status.message().c_str());
  throw py::error_already_set();
}

}  // namespace tfscann
