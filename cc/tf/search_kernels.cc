// Kernels of search_ops.cc. How resources work: load_kernels.cc.
#include "absl/container/inlined_vector.h"
#include "cc/tf/identifier_tensors.h"
#include "cc/tf/pool_executor.h"
#include "cc/tf/searcher_resource.h"
#include "cc/tf/status_bridge.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/lib/core/threadpool.h"

namespace tfscann {
namespace {

using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

// Fewer are not worth waking another thread, at 20 to 30 us a query.
constexpr int64_t kLeastQueries = 4;

absl::Status ReadScalar(OpKernelContext* context, int input, const char* name, int64_t least,
                        int64_t* value) {
  const Tensor& tensor = context->input(input);
  if (!tensorflow::TensorShapeUtils::IsScalar(tensor.shape())) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " must be a scalar, but has shape ", tensor.shape().DebugString()));
  }
  *value = tensor.scalar<int32_t>()();
  if (*value >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is ", *value, ", but must be at least ", least));
}

absl::Status ReadOptions(OpKernelContext* context, SearchOptions* options) {
  int64_t leaves, reordering;
  TF_RETURN_IF_ERROR(ReadScalar(context, 2, "k", 1, &options->k));
  TF_RETURN_IF_ERROR(ReadScalar(context, 3, "num_leaves_to_search", 0, &leaves));
  TF_RETURN_IF_ERROR(ReadScalar(context, 4, "num_reordering_candidates", 0, &reordering));
  if (leaves > 0) options->num_leaves_to_search = leaves;
  if (reordering > 0) options->num_reordering_candidates = reordering;
  return absl::OkStatus();
}

// Searches all queries on `workers`, or on this thread if it is null.
absl::Status SearchAll(SearcherResource::Snapshot* snapshot, MatrixView<const float> queries,
                       const SearchOptions& options, const Exclusions& exclusions,
                       tensorflow::thread::ThreadPool* workers, MatrixView<float> scores,
                       MatrixView<int32_t> rows) {
  PoolExecutor executor(workers);
  const int64_t num_threads = workers == nullptr ? 1 : workers->NumThreads();
  return ToTensorFlow(snapshot->file.index->Search(
      queries, options, exclusions, {&executor, num_threads, kLeastQueries, &snapshot->scratches},
      scores, rows));
}

// What ScannSearch and ScannSearchBatched share. The query is the whole of input 1; `leading` are
// the output's dimensions before k.
absl::Status Search(OpKernelContext* context, int64_t num_queries, int64_t dims,
                    absl::InlinedVector<int64_t, 2> leading, const Tensor* row_splits,
                    tensorflow::thread::ThreadPool* workers) {
  SearchOptions options;
  TF_RETURN_IF_ERROR(ReadOptions(context, &options));
  std::shared_ptr<SearcherResource::Snapshot> snapshot;
  TF_RETURN_IF_ERROR(SnapshotOfInput(context, &snapshot));
  const Index& index = *snapshot->file.index;

  const tensorflow::DataType type = IdentifierDataType(index.identifiers());
  if (type != context->expected_output_dtype(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the index has identifiers of type ", tensorflow::DataTypeString(type),
                     ", but the op was made for ",
                     tensorflow::DataTypeString(context->expected_output_dtype(1))));
  }
  if (dims != index.parameters().dimensions) {
    return absl::InvalidArgumentError(absl::StrCat(
        "queries have ", dims, " dimensions, but the index has ", index.parameters().dimensions));
  }
  leading.push_back(options.k);
  TensorShape shape;
  TF_RETURN_IF_ERROR(TensorShape::BuildTensorShape(leading, &shape));
  Tensor* scores = nullptr;
  Tensor* identifiers = nullptr;
  TF_RETURN_IF_ERROR(context->allocate_output(0, shape, &scores));
  TF_RETURN_IF_ERROR(context->allocate_output(1, shape, &identifiers));
  ExcludedRows excluded;
  TF_RETURN_IF_ERROR(
      FindExcludedRows(index, context->input(5), row_splits, num_queries, &excluded));
  if (num_queries == 0) return absl::OkStatus();

  // Where there is no memory for what k asks for, that is a status.
  Tensor rows;
  TF_RETURN_IF_ERROR(context->allocate_temp(tensorflow::DT_INT32, shape, &rows));
  auto row_values = rows.flat<int32_t>();
  // Not flat(), which insists on TensorFlow's alignment: queries may be in memory of NumPy's.
  const float* const queries = static_cast<const float*>(context->input(1).data());
  TF_RETURN_IF_ERROR(SearchAll(snapshot.get(), {queries, num_queries, dims}, options,
                               excluded.View(), workers,
                               {scores->flat<float>().data(), num_queries, options.k},
                               {row_values.data(), num_queries, options.k}));
  WriteIdentifiers(index.identifiers(), {row_values.data(), static_cast<size_t>(row_values.size())},
                   identifiers);
  return absl::OkStatus();
}

class ScannSearchOp : public OpKernel {
 public:
  explicit ScannSearchOp(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    const TensorShape& query = context->input(1).shape();
    OP_REQUIRES(context, query.dims() == 1,
                absl::InvalidArgumentError(
                    absl::StrCat("query must have rank 1, but has shape ", query.DebugString())));
    OP_REQUIRES_OK(context, Search(context, 1, query.dim_size(0), {}, nullptr, nullptr));
  }
};

class ScannSearchBatchedOp : public OpKernel {
 public:
  explicit ScannSearchBatchedOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("parallelize", &parallelize_));
  }

  void Compute(OpKernelContext* context) override {
    const TensorShape& queries = context->input(1).shape();
    OP_REQUIRES(context, queries.dims() == 2,
                absl::InvalidArgumentError(absl::StrCat("queries must have rank 2, but have shape ",
                                                        queries.DebugString())));
    tensorflow::thread::ThreadPool* const workers =
        parallelize_ ? context->device()->tensorflow_cpu_worker_threads()->workers : nullptr;
    OP_REQUIRES_OK(context, Search(context, queries.dim_size(0), queries.dim_size(1),
                                   {queries.dim_size(0)}, &context->input(6), workers));
  }

 private:
  bool parallelize_ = true;
};

REGISTER_KERNEL_BUILDER(Name("ScannSearch").Device(tensorflow::DEVICE_CPU), ScannSearchOp);
REGISTER_KERNEL_BUILDER(Name("ScannSearchBatched").Device(tensorflow::DEVICE_CPU),
                        ScannSearchBatchedOp);

}  // namespace
}  // namespace tfscann
