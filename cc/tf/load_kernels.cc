// How an index gets into a model: load op -> resource -> search op.
//
// ScannSearcher makes a SearcherResource, named by its shared_name, in the resource manager of the
// session (or of the eager context). ScannLoad opens an index file into it: in a SavedModel this
// runs once, in the initializers, with the path of the model's asset. ScannSearch and
// ScannSearchBatched (search_kernels.cc) then find the resource through its handle. The resource is
// freed with the session or, in eager mode, when Python destroys the handle's owner.
#include <cstdlib>
#include <cstring>

#include "cc/io/file.h"
#include "cc/io/index_file.h"
#include "cc/tf/pool_executor.h"
#include "cc/tf/searcher_resource.h"
#include "cc/tf/status_bridge.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/resource_op_kernel.h"
#include "tensorflow/core/platform/env.h"
#include "tensorflow/core/platform/path.h"

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

// TFSCANN_COPY_ON_LOAD=1 in the environment: index files are read into memory, never mapped. For
// model folders on network mounts, where a mapped file that another machine removes is lost.
bool CopyOnLoad() {
  const char* const value = std::getenv("TFSCANN_COPY_ON_LOAD");
  return value != nullptr && std::strcmp(value, "1") == 0;
}

// Reads the whole file, for file systems that cannot map it.
absl::Status ReadFile(tensorflow::Env* env, const std::string& path, size_t size, Memory* memory) {
  std::unique_ptr<tensorflow::RandomAccessFile> file;
  TF_RETURN_IF_ERROR(env->NewRandomAccessFile(path, &file));
  const Result<std::shared_ptr<AlignedBuffer<char>>> allocated = AllocateForFile(size);
  if (!allocated.ok()) return ToTensorFlow(allocated.status(), path);
  const std::shared_ptr<AlignedBuffer<char>>& buffer = *allocated;
  absl::string_view read;
  const absl::Status status = file->Read(0, size, &read, buffer->data());
  // A file that has become shorter is for the index to complain about.
  if (!status.ok() && !absl::IsOutOfRange(status)) return status;
  if (read.data() != buffer->data()) std::memcpy(buffer->data(), read.data(), read.size());
  *memory = {{buffer->data(), read.size()}, buffer, /*mapped=*/false};
  return absl::OkStatus();
}

absl::Status MapOrReadFile(tensorflow::Env* env, const std::string& path, Memory* memory) {
  uint64_t size = 0;
  TF_RETURN_IF_ERROR(env->GetFileSize(path, &size));
  if (size == 0) return absl::OkStatus();  // mapping it would be an error of its own kind
  if (CopyOnLoad()) return ReadFile(env, path, size, memory);
  absl::string_view scheme, host, local_path;
  tensorflow::io::ParseURI(path, &scheme, &host, &local_path);
  if (scheme.empty() || scheme == "file") {
    Result<Memory> mapped = MapFile(std::string(local_path));
    if (!mapped.ok()) return ToTensorFlow(mapped.status(), path);
    *memory = std::move(*mapped);
    return absl::OkStatus();
  }
  std::unique_ptr<tensorflow::ReadOnlyMemoryRegion> region;
  const absl::Status status = env->NewReadOnlyMemoryRegionFromFile(path, &region);
  if (absl::IsUnimplemented(status)) return ReadFile(env, path, size, memory);
  TF_RETURN_IF_ERROR(status);
  // It may be memory of the file system's own.
  memory->bytes = {static_cast<const char*>(region->data()), region->length()};
  memory->owner = std::shared_ptr<tensorflow::ReadOnlyMemoryRegion>(std::move(region));
  return absl::OkStatus();
}

absl::Status ReadIndex(tensorflow::Env* env, const std::string& path, Executor* executor,
                       IndexFile* file) {
  Memory memory;
  TF_RETURN_IF_ERROR(MapOrReadFile(env, path, &memory));
  Result<IndexFile> opened = OpenIndex(std::move(memory), executor);
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
    PoolExecutor executor(context->device()->tensorflow_cpu_worker_threads()->workers);
    OP_REQUIRES_OK(context,
                   ReadIndex(context->env(), std::string(path.scalar<tensorflow::tstring>()()),
                             &executor, &file));
    resource->Replace(std::move(file));
  }
};

REGISTER_KERNEL_BUILDER(Name("ScannSearcher").Device(tensorflow::DEVICE_CPU), ScannSearcherOp);
REGISTER_KERNEL_BUILDER(Name("ScannLoad").Device(tensorflow::DEVICE_CPU), ScannLoadOp);

}  // namespace
}  // namespace tfscann
