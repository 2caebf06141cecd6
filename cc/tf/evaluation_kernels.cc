// Kernels of evaluation_ops.cc.
#include <limits>

#include "cc/search/rank.h"
#include "cc/tf/pool_executor.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace tfscann {
namespace {

using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShapeUtils;

// Not flat(), which insists on TensorFlow's alignment: inputs may be in memory of NumPy's.
const float* Floats(const Tensor& tensor) { return static_cast<const float*>(tensor.data()); }

class ScannCountHigherOp : public OpKernel {
 public:
  explicit ScannCountHigherOp(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& queries = context->input(0);
    const Tensor& candidates = context->input(1);
    const Tensor& scores = context->input(2);
    OP_REQUIRES(context,
                TensorShapeUtils::IsMatrix(queries.shape()) &&
                    TensorShapeUtils::IsMatrix(candidates.shape()) &&
                    queries.dim_size(1) == candidates.dim_size(1),
                absl::InvalidArgumentError(absl::StrCat(
                    "queries and candidates must have shapes [b, d] and [n, d], but have ",
                    queries.shape().DebugString(), " and ", candidates.shape().DebugString())));
    const int64_t num_queries = queries.dim_size(0), num_candidates = candidates.dim_size(0);
    OP_REQUIRES(context,
                TensorShapeUtils::IsVector(scores.shape()) && scores.dim_size(0) == num_queries,
                absl::InvalidArgumentError(absl::StrCat("scores must have shape [", num_queries,
                                                        "], one for each query, but have ",
                                                        scores.shape().DebugString())));
    OP_REQUIRES(context, num_candidates <= std::numeric_limits<int32_t>::max(),
                absl::InvalidArgumentError(absl::StrCat(
                    "there are ", num_candidates, " candidates, but int32 counts no more than ",
                    std::numeric_limits<int32_t>::max())));
    Tensor* counts = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, scores.shape(), &counts));
    const int64_t dims = queries.dim_size(1);
    PoolExecutor executor(context->device()->tensorflow_cpu_worker_threads()->workers);
    CountHigher({Floats(queries), num_queries, dims}, {Floats(candidates), num_candidates, dims},
                Floats(scores), &executor, counts->flat<int32_t>().data());
  }
};

REGISTER_KERNEL_BUILDER(Name("ScannCountHigher").Device(tensorflow::DEVICE_CPU),
                        ScannCountHigherOp);

}  // namespace
}  // namespace tfscann
