#include "cc/pybind/builder_py.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <chrono>
#include <exception>

#include "cc/build/builder.h"
#include "cc/pybind/status_py.h"

namespace py = pybind11;

namespace tfscann {
namespace {

using Matrix = py::array_t<float, py::array::c_style | py::array::forcecast>;

// Index of `name` in `names`, or ValueError.
template <typename Enum, size_t kCount>
Enum EnumValue(const char* parameter, const std::string& name, const char* const (&names)[kCount]) {
  std::string allowed;
  for (size_t i = 0; i < kCount; ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
    allowed += StrCat(i == 0 ? "" : ", ", "'", names[i], "'");
  }
  Raise(InvalidArgument(parameter, " is '", name, "', but must be one of ", allowed));
}

// Reads entries of the dictionary and insists that all were read.
class ConfigReader {
 public:
  explicit ConfigReader(const py::dict& entries) : entries_(entries) {}

  template <typename T>
  void Read(const char* name, T* value) {
    if (!entries_.contains(name)) return;
    ++read_;
    try {
      *value = entries_[name].cast<T>();
    } catch (const py::cast_error&) {
      Raise(InvalidArgument(name, " is ", py::repr(entries_[name]).cast<std::string>(),
                            ", which has the wrong type or is out of range"));
    }
  }
  void CheckAllRead() const {
    if (read_ != entries_.size()) Raise(InvalidArgument("config has an unknown parameter"));
  }

 private:
  const py::dict entries_;
  size_t read_ = 0;
};

BuildConfig ReadConfig(const py::dict& entries) {
  BuildConfig config;
  ConfigReader reader(entries);
  std::string measure = kDistanceMeasureNames[0], dtype = kReorderingDtypeNames[0];
  reader.Read("distance_measure", &measure);
  reader.Read("num_leaves", &config.num_leaves);
  reader.Read("num_leaves_to_search", &config.num_leaves_to_search);
  reader.Read("training_iterations", &config.training_iterations);
  reader.Read("dimensions_per_block", &config.dimensions_per_block);
  reader.Read("num_reordering_candidates", &config.num_reordering_candidates);
  reader.Read("soar_lambda", &config.soar_lambda);
  reader.Read("anisotropic_quantization_threshold", &config.anisotropic_quantization_threshold);
  reader.Read("reordering_dtype", &dtype);
  reader.Read("k", &config.k);
  reader.Read("target_recall", &config.target_recall);
  reader.Read("seed", &config.seed);
  reader.CheckAllRead();
  config.distance_measure =
      EnumValue<DistanceMeasure>("distance_measure", measure, kDistanceMeasureNames);
  config.reordering_dtype =
      EnumValue<ReorderingDtype>("reordering_dtype", dtype, kReorderingDtypeNames);
  return config;
}

IdentifierType TypeOfArray(const py::array& values) {
  const char kind = values.dtype().kind();
  const auto size = values.dtype().itemsize();
  if (kind == 'i' && size == 4) return IdentifierType::kInt32;
  if (kind == 'i' && size == 8) return IdentifierType::kInt64;
  if (kind == 'f' && size == 4) return IdentifierType::kFloat32;
  if (kind == 'f' && size == 8) return IdentifierType::kFloat64;
  Raise(InvalidArgument("identifiers have dtype ", py::str(values.dtype()).cast<std::string>(),
                        ", but must be int32, int64, float32, float64 or bytes"));
}

// Runs a build on threads, looking for Ctrl-C (or an exception from the progress callback) on the
// way.
class InterruptibleBuild {
 public:
  InterruptibleBuild(int threads, py::object progress)
      : progress_(std::move(progress)), executor_(threads, [this] { return Poll(); }) {}

  Builder::Report Finish(Builder* builder) {
    Result<Builder::Report> report = [&] {
      py::gil_scoped_release release;
      return builder->Finish(&executor_, [this](const char* stage, int64_t done, int64_t total) {
        Report(stage, done, total);
      });
    }();
    if (error_) std::rethrow_exception(error_);
    RaiseIfError(report.status());
    return *report;
  }

 private:
  using Clock = std::chrono::steady_clock;

  bool Poll() {
    // Taking the interpreter's lock at every step would slow the build down.
    if (Clock::now() < next_poll_) return true;
    py::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) error_ = std::make_exception_ptr(py::error_already_set());
    next_poll_ = Clock::now() + std::chrono::milliseconds(20);
    return !error_;
  }
  void Report(const char* stage, int64_t done, int64_t total) {
    if (!Poll()) executor_.Cancel();
    if (error_ || progress_.is_none()) return;
    py::gil_scoped_acquire acquire;
    try {
      progress_(stage, done, total);
    } catch (py::error_already_set&) {
      error_ = std::current_exception();
      executor_.Cancel();
    }
  }

  const py::object progress_;
  std::exception_ptr error_;
  Clock::time_point next_poll_ = Clock::now();
  ThreadExecutor executor_;
};

// A Builder that can be closed: its half-written file is then gone.
class PyBuilder {
 public:
  PyBuilder(const std::string& path, int64_t dimensions, const py::dict& config) {
    Result<std::unique_ptr<Builder>> builder =
        Builder::Create(path, dimensions, ReadConfig(config));
    RaiseIfError(builder.status());
    builder_ = std::move(*builder);
  }

  void Add(const Matrix& rows) {
    if (rows.ndim() != 2) {
      Raise(InvalidArgument("candidates have rank ", rows.ndim(), ", but must have rank 2"));
    }
    const MatrixView<const float> view(rows.data(), rows.shape(0), rows.shape(1));
    const Status status = [&] {
      py::gil_scoped_release release;
      return builder().Add(view);
    }();
    RaiseIfError(status);
  }

  void SetTuningQueries(const Matrix& queries) {
    if (queries.ndim() != 2) {
      Raise(InvalidArgument("tuning_queries have rank ", queries.ndim(), ", but must have rank 2"));
    }
    RaiseIfError(builder().SetTuningQueries({queries.data(), queries.shape(0), queries.shape(1)}));
  }

  void AddIdentifiers(const py::object& values) {
    std::vector<std::string_view> parts;
    if (py::isinstance<py::list>(values)) {
      for (const py::handle& value : values) {
        char* data;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(value.ptr(), &data, &size) != 0) throw py::error_already_set();
        parts.emplace_back(data, static_cast<size_t>(size));
      }
      RaiseIfError(builder().AddIdentifiers(IdentifierType::kString, parts));
      return;
    }
    const py::array array = py::array::ensure(values, py::array::c_style);
    if (!array || array.ndim() != 1) Raise(InvalidArgument("identifiers must have rank 1"));
    const IdentifierType type = TypeOfArray(array);
    parts.emplace_back(static_cast<const char*>(array.data()), static_cast<size_t>(array.nbytes()));
    RaiseIfError(builder().AddIdentifiers(type, parts));
  }

  int64_t Finish(int threads, py::object progress) {
    const Builder::Report report =
        InterruptibleBuild(threads, std::move(progress)).Finish(&builder());
    builder_.reset();
    return report.duplicate_identifiers;
  }

  void Close() { builder_.reset(); }

 private:
  Builder& builder() {
    if (builder_ == nullptr) throw std::runtime_error("the builder is finished or closed");
    return *builder_;
  }
  std::unique_ptr<Builder> builder_;
};

}  // namespace

void InitBuilder(py::module_& module) {
  py::class_<PyBuilder>(module, "Builder", "Writes an index file at `path`, all or nothing.")
      .def(py::init<const std::string&, int64_t, const py::dict&>(), py::arg("path"),
           py::arg("dimensions"), py::arg("config") = py::dict())
      .def("add", &PyBuilder::Add, py::arg("rows"), "Adds candidates, float32 [b, dimensions].")
      .def("add_identifiers", &PyBuilder::AddIdentifiers, py::arg("values"),
           "Adds identifiers: a list of bytes, or an int32, int64, float32 or float64 array.")
      .def("set_tuning_queries", &PyBuilder::SetTuningQueries, py::arg("queries"),
           "Queries, float32 [b, dimensions], to measure search parameters with, in place of "
           "candidates; if there are more than 2,048, the build may learn from the others.")
      .def("finish", &PyBuilder::Finish, py::arg("threads") = 1, py::arg("progress") = py::none(),
           "Builds and writes; returns the number of duplicate identifiers. `progress` is called "
           "with (stage, done, total). Ctrl-C, or an exception of `progress`, gives the build up.")
      .def("close", &PyBuilder::Close, "Gives the build up and removes what was written.");
}

}  // namespace tfscann
