// Kernels of save_ops.cc. How resources work: load_kernels.cc.
#include <cstring>

#include "cc/base/aligned_buffer.h"
#include "cc/io/describe.h"
#include "cc/tf/pool_executor.h"
#include "cc/tf/searcher_resource.h"
#include "cc/tf/status_bridge.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/platform/env.h"

namespace tfscann {
namespace {

using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;

absl::Status WriteFile(tensorflow::Env* env, const std::string& path, Span<const char> bytes) {
  std::unique_ptr<tensorflow::WritableFile> file;
  TF_RETURN_IF_ERROR(env->NewWritableFile(path, &file));
  TF_RETURN_IF_ERROR(file->Append(absl::string_view(bytes.data(), bytes.size())));
  TF_RETURN_IF_ERROR(file->Sync());
  return file->Close();
}

class ScannSaveOp : public OpKernel {
 public:
  explicit ScannSaveOp(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    std::shared_ptr<SearcherResource::Snapshot> snapshot;
    OP_REQUIRES_OK(context, SnapshotOfInput(context, &snapshot));
    const Tensor& path_tensor = context->input(1);
    OP_REQUIRES(context, tensorflow::TensorShapeUtils::IsScalar(path_tensor.shape()),
                absl::InvalidArgumentError(absl::StrCat("path must be a scalar, but has shape ",
                                                        path_tensor.shape().DebugString())));
    const std::string path(path_tensor.scalar<tensorflow::tstring>()());
    tensorflow::Env* const env = context->env();
    const std::string temporary = absl::StrCat(path, ".", env->NowMicros(), ".tmp");
    absl::Status status = WriteFile(env, temporary, snapshot->file.memory.bytes);
    if (status.ok()) status = env->RenameFile(temporary, path);
    if (!status.ok()) env->DeleteFile(temporary).IgnoreError();
    OP_REQUIRES_OK(context, status);
  }
};

class ScannSerializeOp : public OpKernel {
 public:
  explicit ScannSerializeOp(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    tensorflow::core::RefCountPtr<SearcherResource> resource;
    OP_REQUIRES_OK(context,
                   LookupResource(context, tensorflow::HandleFromInput(context, 0), &resource));
    const std::shared_ptr<SearcherResource::Snapshot> snapshot = resource->snapshot();
    const Span<const char> bytes =
        snapshot == nullptr ? Span<const char>() : snapshot->file.memory.bytes;
    Tensor* output = nullptr;
    OP_REQUIRES_OK(context,
                   context->allocate_output(0, {static_cast<int64_t>(bytes.size())}, &output));
    if (!bytes.empty()) std::memcpy(output->data(), bytes.data(), bytes.size());
  }
};

class ScannRestoreOp : public OpKernel {
 public:
  explicit ScannRestoreOp(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    tensorflow::core::RefCountPtr<SearcherResource> resource;
    OP_REQUIRES_OK(context,
                   LookupResource(context, tensorflow::HandleFromInput(context, 0), &resource));
    const Tensor& bytes = context->input(1);
    OP_REQUIRES(context, tensorflow::TensorShapeUtils::IsVector(bytes.shape()),
                absl::InvalidArgumentError(absl::StrCat("bytes must be a vector, but have shape ",
                                                        bytes.shape().DebugString())));
    if (bytes.NumElements() == 0) return;
    // A copy: the tensor's buffer may be an array that its owner goes on writing to.
    auto owner = std::make_shared<AlignedBuffer<char>>(static_cast<size_t>(bytes.NumElements()));
    std::memcpy(owner->data(), bytes.data(), owner->size());
    Memory memory = {{owner->data(), owner->size()}, owner};
    PoolExecutor executor(context->device()->tensorflow_cpu_worker_threads()->workers);
    Result<IndexFile> file = OpenIndex(std::move(memory), &executor);
    OP_REQUIRES_OK(context, ToTensorFlow(file.status()));
    resource->Replace(std::move(*file));
  }
};

class ScannInfoOp : public OpKernel {
 public:
  explicit ScannInfoOp(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    tensorflow::core::RefCountPtr<SearcherResource> resource;
    OP_REQUIRES_OK(context,
                   LookupResource(context, tensorflow::HandleFromInput(context, 0), &resource));
    Tensor* output = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, {}, &output));
    const std::shared_ptr<SearcherResource::Snapshot> snapshot = resource->snapshot();
    if (snapshot != nullptr) {
      output->scalar<tensorflow::tstring>()() = DescribeIndex(snapshot->file);
    }
  }
};

REGISTER_KERNEL_BUILDER(Name("ScannSave").Device(tensorflow::DEVICE_CPU), ScannSaveOp);
REGISTER_KERNEL_BUILDER(Name("ScannSerialize").Device(tensorflow::DEVICE_CPU), ScannSerializeOp);
REGISTER_KERNEL_BUILDER(Name("ScannRestore").Device(tensorflow::DEVICE_CPU), ScannRestoreOp);
REGISTER_KERNEL_BUILDER(Name("ScannInfo").Device(tensorflow::DEVICE_CPU), ScannInfoOp);

}  // namespace
}  // namespace tfscann
