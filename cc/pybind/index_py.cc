#include "cc/pybind/index_py.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>

#include "cc/base/executor.h"
#include "cc/io/describe.h"
#include "cc/io/index_file.h"
#include "cc/pybind/status_py.h"

namespace py = pybind11;

namespace tfscann {
namespace {

using Queries = py::array_t<float, py::array::c_style | py::array::forcecast>;

// The fewest queries that are worth a thread's while.
constexpr int64_t kMinQueriesPerTask = 24;

class PyIndex {
 public:
  static std::unique_ptr<PyIndex> Open(const std::string& path) {
    Result<IndexFile> file = [&] {
      py::gil_scoped_release release;
      return OpenIndex(path);
    }();
    RaiseIfError(file.status());
    auto index = std::make_unique<PyIndex>();
    index->file_ = std::move(*file);
    return index;
  }

  py::tuple Search(const Queries& queries, int64_t k, std::optional<int64_t> num_leaves_to_search,
                   std::optional<int64_t> num_reordering_candidates, int threads) {
    const bool single = queries.ndim() == 1;
    if (!single && queries.ndim() != 2) {
      Raise(InvalidArgument("queries have rank ", queries.ndim(), ", but must have rank 1 or 2"));
    }
    if (k < 1) Raise(InvalidArgument("k is ", k, ", but must be at least 1"));
    const MatrixView<const float> view(queries.data(), single ? 1 : queries.shape(0),
                                       queries.shape(single ? 0 : 1));
    const std::vector<py::ssize_t> shape =
        single ? std::vector<py::ssize_t>{k} : std::vector<py::ssize_t>{view.rows(), k};
    py::array_t<float> scores(shape);
    py::array_t<int32_t> rows(shape);
    const SearchOptions options = {k, num_leaves_to_search, num_reordering_candidates};
    float* scores_data = scores.mutable_data();
    int32_t* rows_data = rows.mutable_data();
    const Status status = [&] {
      py::gil_scoped_release release;
      return SearchAll(view, options, threads, {scores_data, view.rows(), k},
                       {rows_data, view.rows(), k});
    }();
    RaiseIfError(status);
    return py::make_tuple(scores, rows);
  }

  std::string Describe() const { return DescribeIndex(file_); }

 private:
  Status SearchAll(MatrixView<const float> queries, const SearchOptions& options, int threads,
                   MatrixView<float> scores, MatrixView<int32_t> rows) {
    // Two parts for each thread, so that none waits long for the last.
    const int64_t parts = threads == 1 ? 1 : 2 * int64_t{threads};
    const int64_t per_task =
        std::clamp(CeilDiv(queries.rows(), parts), kMinQueriesPerTask, kMaxSearchBatch);
    const int64_t num_ranges = std::max<int64_t>(1, CeilDiv(queries.rows(), per_task));
    std::vector<Status> statuses(num_ranges);
    ThreadExecutor(threads).ParallelFor(num_ranges, 1, [&](int64_t range, int64_t) {
      const int64_t begin = range * per_task;
      const int64_t count = std::min(per_task, queries.rows() - begin);
      std::unique_ptr<SearchScratch> scratch = scratches_.Take();
      statuses[range] = file_.index->Search(queries.Rows(begin, count), options, {}, scratch.get(),
                                            scores.Rows(begin, count), rows.Rows(begin, count));
      scratches_.Return(std::move(scratch));
    });
    for (Status& status : statuses) {
      if (!status.ok()) return std::move(status);
    }
    return Status();
  }

  IndexFile file_;
  ScratchPool scratches_;
};

}  // namespace

void InitIndex(py::module_& module) {
  py::class_<PyIndex>(module, "Index", "An index file, mapped and ready to be searched.")
      .def_static("open", &PyIndex::Open, py::arg("path"))
      .def("search", &PyIndex::Search, py::arg("queries"), py::arg("k"),
           py::arg("num_leaves_to_search") = py::none(),
           py::arg("num_reordering_candidates") = py::none(), py::arg("threads") = 1,
           "queries [d] or [b, d] -> (scores, row numbers), [k] or [b, k]; -1 where there are no "
           "more candidates.")
      .def("describe", &PyIndex::Describe, "What the index is, as JSON.");
}

}  // namespace tfscann
