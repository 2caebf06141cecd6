#include "cc/pybind/index_py.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <numeric>

#include "cc/base/executor.h"
#include "cc/io/describe.h"
#include "cc/io/index_file.h"
#include "cc/kernels/kernels.h"
#include "cc/pybind/status_py.h"
#include "cc/search/code_error.h"
#include "cc/search/int8_rows.h"
#include "cc/search/partitioner.h"

namespace py = pybind11;

namespace tfscann {
namespace {

using Queries = py::array_t<float, py::array::c_style | py::array::forcecast>;

// Fewer are not worth the start of a thread.
constexpr int64_t kLeastQueries = 24;

class PyIndex {
 public:
  static std::unique_ptr<PyIndex> Open(const std::string& path, int threads) {
    Result<IndexFile> file = [&] {
      py::gil_scoped_release release;
      ThreadExecutor executor(threads);
      return OpenIndex(path, &executor);
    }();
    RaiseIfError(file.status());
    auto index = std::make_unique<PyIndex>();
    index->file_ = std::move(*file);
    return index;
  }

  py::tuple Search(const Queries& queries, int64_t k, std::optional<int64_t> num_leaves_to_search,
                   std::optional<int64_t> num_reordering_candidates, int threads, bool exact) {
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
    const SearchOptions options = {k, num_leaves_to_search, num_reordering_candidates, exact};
    float* scores_data = scores.mutable_data();
    int32_t* rows_data = rows.mutable_data();
    const Status status = [&] {
      py::gil_scoped_release release;
      ThreadExecutor executor(threads);
      return file_.index->Search(view, options, {},
                                 {&executor, threads, kLeastQueries, &scratches_},
                                 {scores_data, view.rows(), k}, {rows_data, view.rows(), k});
    }();
    RaiseIfError(status);
    return py::make_tuple(scores, rows);
  }

  std::string Describe() const { return DescribeIndex(file_); }

  // What a search in other code than ours needs.
  py::dict Candidates() const {
    const IndexParts& parts = file_.index->parts();
    const int64_t count = parts.parameters.num_candidates, dims = parts.parameters.dimensions;
    py::array_t<float> rows(std::vector<py::ssize_t>{count, dims});
    if (!parts.rows.empty()) {
      std::copy_n(parts.rows.data(), count * dims, rows.mutable_data());
    } else {
      const Int8Rows int8_rows = parts.CandidateInt8Rows();
      for (int64_t row = 0; row < count; ++row) {
        int8_rows.Dequantize(row, rows.mutable_data() + row * dims);
      }
    }
    return py::dict(py::arg("rows") = rows, py::arg("identifiers") = IdentifierValues());
  }

  py::dict Tree() const {
    const IndexParts& parts = file_.index->parts();
    const int64_t num_leaves = parts.parameters.num_leaves, dims = parts.parameters.dimensions;
    if (parts.parameters.exact()) Raise(InvalidArgument("an exact index has no tree"));
    const LeafDemand& demand = parts.parameters.leaf_demand;
    py::array_t<int64_t> splits(num_leaves + 1);
    std::vector<int32_t> rows;
    for (int64_t leaf = 0; leaf < num_leaves; ++leaf) {
      splits.mutable_at(leaf) = static_cast<int64_t>(rows.size());
      const Span<const int32_t> in_leaf = parts.RowsOf(leaf);
      rows.insert(rows.end(), in_leaf.begin(), in_leaf.end());
    }
    splits.mutable_at(num_leaves) = static_cast<int64_t>(rows.size());
    py::dict tree = CentroidsAsArrays(LeafVectorsOf(parts), num_leaves, dims);
    const std::vector<float> radii = LeafRadiiOf(parts);
    tree["radii"] = py::array_t<float>(num_leaves, radii.data());
    const std::vector<float> terms = LeafNormTermsOf(parts);
    tree["norm_terms"] = py::array_t<float>(num_leaves, terms.data());
    tree["branches"] = BranchesAsArrays(parts);
    tree["leaf_spread"] = LeafSpreadOf(parts);
    tree["branch_share"] = kBranchShare;
    tree["leaf_demand"] =
        py::make_tuple(demand.intercept, demand.best_weight, demand.deviation_weight,
                       LeafDemand::kLeast, LeafDemand::kMost);
    tree["center"] = py::array_t<float>(parts.center.size(), parts.center.data());
    tree["leaf_rows"] = py::array_t<int32_t>(rows.size(), rows.data());
    tree["leaf_splits"] = splits;
    return tree;
  }

  py::array_t<float> CodeErrors(int64_t sample) const {
    if (file_.index->parameters().exact()) Raise(InvalidArgument("an exact index has no codes"));
    const std::vector<float> errors = [&] {
      py::gil_scoped_release release;
      return tfscann::CodeErrors(file_.index->parts(), sample);
    }();
    return py::array_t<float>(static_cast<py::ssize_t>(errors.size()), errors.data());
  }

 private:
  static py::dict CentroidsAsArrays(const Int8Rows& rows, int64_t count, int64_t dims) {
    py::array_t<int8_t> values(std::vector<py::ssize_t>{count, dims});
    py::array_t<float> scales(count), squared_norms(count);
    for (int64_t i = 0; i < count; ++i) {
      std::copy_n(rows.row(i), dims, values.mutable_data(i, 0));
      scales.mutable_at(i) = rows.scale(i);
      squared_norms.mutable_at(i) = rows.squared_norm(i);
    }
    return py::dict(py::arg("centroids") = values, py::arg("scales") = scales,
                    py::arg("squared_norms") = squared_norms);
  }

  // None if there are none.
  static py::object BranchesAsArrays(const IndexParts& parts) {
    if (!parts.parameters.branches) return py::none();
    const Branches branches(parts);
    const int64_t count = branches.size(), dims = parts.parameters.dimensions;
    py::dict arrays = CentroidsAsArrays(Int8Rows(branches.centroids.data(), dims), count, dims);
    arrays["radii"] = py::array_t<float>(count, branches.radii.data());
    arrays["norm_terms"] = py::array_t<float>(count, branches.norm_terms.data());
    arrays["leaves"] = kInt8PackedRows;
    return std::move(arrays);
  }

  template <typename T>
  py::object ValuesOf(const Identifiers& identifiers) const {
    const int64_t count = file_.index->parameters().num_candidates;
    py::array_t<T> values(count);
    for (int64_t row = 0; row < count; ++row) values.mutable_at(row) = identifiers.Value<T>(row);
    return std::move(values);
  }

  py::object IdentifierValues() const {
    const Identifiers& identifiers = file_.index->identifiers();
    const int64_t count = file_.index->parameters().num_candidates;
    switch (identifiers.type()) {
      case IdentifierType::kInt32:
        return ValuesOf<int32_t>(identifiers);
      case IdentifierType::kInt64:
        return ValuesOf<int64_t>(identifiers);
      case IdentifierType::kFloat32:
        return ValuesOf<float>(identifiers);
      case IdentifierType::kFloat64:
        return ValuesOf<double>(identifiers);
      case IdentifierType::kRowNumber: {
        py::array_t<int32_t> values(count);
        std::iota(values.mutable_data(), values.mutable_data() + count, 0);
        return std::move(values);
      }
      case IdentifierType::kString:
        break;
    }
    py::list values(count);
    for (int64_t row = 0; row < count; ++row) values[row] = py::bytes(identifiers.Bytes(row));
    return std::move(values);
  }

  IndexFile file_;
  ScratchPool scratches_;
};

}  // namespace

void InitIndex(py::module_& module) {
  py::class_<PyIndex>(module, "Index", "An index file, mapped and ready to be searched.")
      .def_static("open", &PyIndex::Open, py::arg("path"), py::arg("threads") = 1)
      .def("search", &PyIndex::Search, py::arg("queries"), py::arg("k"),
           py::arg("num_leaves_to_search") = py::none(),
           py::arg("num_reordering_candidates") = py::none(), py::arg("threads") = 1,
           py::arg("exact") = false,
           "queries [d] or [b, d] -> (scores, row numbers), [k] or [b, k]; -1 where there are no "
           "more candidates.")
      .def("describe", &PyIndex::Describe, "What the index is, as JSON.")
      .def("candidates", &PyIndex::Candidates,
           "Copies of the rows, float32 [n, d], and of the identifiers [n], bytes in a list for "
           "strings. Rows are of unit length for cosine; if there are int8 ones only it is those, "
           "for squared_l2 minus the mean candidate.")
      .def("code_errors", &PyIndex::CodeErrors, py::arg("sample") = 100000,
           "|candidate - its code| / |candidate| for about so many candidates, float32 [m].")
      .def("tree", &PyIndex::Tree,
           "Copies of what ranks leaves, centroids or routing vectors (int8 [leaves, d], a scale "
           "and a squared norm each) and radii, and of the leaves' rows; what they are: "
           "cc/search/index_parts.h, cc/search/partitioner.h. Likewise the branches, `leaves` "
           "of which make one, or None. And the weights and bounds of LeafDemand, "
           "cc/search/options.h.");
}

}  // namespace tfscann
