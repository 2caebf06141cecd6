// How an index gets into a model: load op -> resource -> search op.
//
// ScannSearcher makes a SearcherResource, named by its shared_name, in the resource manager of the
// session (or of the eager context). ScannLoad opens an index file into it: in a SavedModel this
// runs once, in the initializers, with the path of the model's asset. ScannSearch and
// ScannSearchBatched (search_kernels.cc) then find the resource through its handle. The resource is
// freed with the session or, in eager mode, when Python destroys the handle's owner.
#include "cc/io/index_file.h"
#include "cc/tf/searcher_resource.h"
#include "cc/tf/status_bridge.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/resource_op_kernel.h"
#include "tensorflow/core/platform/env.h"

namespace tfscann {
namespace {

using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;

class ScannSearcherOp : public tensorflow::ResourceOpKernel<SearcherResource> {
 public:
  explicit ScannSearcherOp(OpKernelConstruction* context) : ResourceOpKernel(context) {}

 private:
  absl::Status CreateResource(SearcherResource** resource)
      TF_EXCLUSIVE_LOCKS_REQUIRED(mu_) override {
    *resource = new SearcherResource;
    return absl::OkStatus();
  }
};

absl::Status ReadIndex(tensorflow::Env* env, const std::string& path, IndexFile* file) {
  // Mapping an empty file is an error of its own kind.
  uint64_t size = 0;
  TF_RETURN_IF_ERROR(env->GetFileSize(path, &size));
  Memory memory;
  if (size > 0) {
    std::unique_ptr<tensorflow::ReadOnlyMemoryRegion> region;
    TF_RETURN_IF_ERROR(env->NewReadOnlyMemoryRegionFromFile(path, &region));
    memory.bytes = {static_cast<const char*>(region->data()), region->length()};
    memory.owner = std::shared_ptr<tensorflow::ReadOnlyMemoryRegion>(std::move(region));
  }
  Result<IndexFile> opened = OpenIndex(std::move(memory));
  if (!opened.ok()) return ToTensorFlow(opened.status(), path);
  *file = std::move(*opened);
  return absl::OkStatus();
}

class ScannLoadOp : public OpKernel {
 public:
  explicit ScannLoadOp(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    tensorflow::core::RefCountPtr<SearcherResource> resource;
    OP_REQUIRES_OK(context,
                   LookupResource(context, tensorflow::HandleFromInput(context, 0), &resource));
    const tensorflow::Tensor& path = context->input(1);
    OP_REQUIRES(context, tensorflow::TensorShapeUtils::IsScalar(path.shape()),
                absl::InvalidArgumentError(absl::StrCat("path must be a scalar, but has shape ",
                                                        path.shape().DebugString())));
    IndexFile file;
    OP_REQUIRES_OK(context, ReadIndex(context->env(),
                                      std::string(path.scalar<tensorflow::tstring>()()), &file));
    resource->Replace(std::move(file));
  }
};

REGISTER_KERNEL_BUILDER(Name("ScannSearcher").Device(tensorflow::DEVICE_CPU), ScannSearcherOp);
REGISTER_KERNEL_BUILDER(Name("ScannLoad").Device(tensorflow::DEVICE_CPU), ScannLoadOp);

}  // namespace
}  // namespace tfscann
