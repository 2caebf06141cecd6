// What a model server does with a SavedModel, in this process: loads it with the C++ loader,
// replays its warm-up requests, batches the requests of many threads with the scheduler that
// TensorFlow Serving uses, changes versions while it serves, and unloads the old one after its last
// request.
#ifndef TFSCANN_TESTS_TF_MODEL_SERVER_H_
#define TFSCANN_TESTS_TF_MODEL_SERVER_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/kernels/batching_util/shared_batch_scheduler.h"

namespace tfscann::testing {

using Tensors = std::map<std::string, tensorflow::Tensor>;  // by the signature's names

// A signature's name and inputs.
struct Request {
  std::string signature;
  Tensors inputs;
};

// The warm-up requests of a SavedModel: tensorflow.serving.PredictionLog records.
absl::StatusOr<std::vector<Request>> ReadWarmupRequests(const std::string& saved_model);

// A loaded and warmed-up SavedModel.
class LoadedModel {
 public:
  static absl::StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path);

  int num_warmup_requests() const { return num_warmup_requests_; }

  // Runs a signature. Safe for any number of threads.
  absl::StatusOr<Tensors> Run(const Request& request,
                              const tensorflow::RunOptions& options = {}) const;

 private:
  tensorflow::SavedModelBundle bundle_;
  int num_warmup_requests_ = 0;
};

class ModelServer {
 public:
  explicit ModelServer(int num_batch_threads);

  // A version that is served. The model is unloaded with its last handle.
  class Version;
  using Handle = std::shared_ptr<const Version>;

  // Serves `model` from now on; returns what was served before. Who has a handle keeps its version.
  Handle Serve(const std::string& name, std::unique_ptr<LoadedModel> model);

  Handle CurrentVersion() const;

 private:
  struct Task : tensorflow::serving::BatchTask {
    size_t size() const override { return inputs->begin()->second.dim_size(0); }

    const Tensors* inputs = nullptr;
    absl::StatusOr<Tensors>* outputs = nullptr;
    absl::Notification* done = nullptr;
  };
  using Scheduler = tensorflow::serving::SharedBatchScheduler<Task>;

  std::shared_ptr<Scheduler> scheduler_;
  mutable std::mutex mutex_;
  Handle current_;
};

class ModelServer::Version {
 public:
  Version(std::string name, std::unique_ptr<LoadedModel> model, Scheduler* scheduler);

  const std::string& name() const { return name_; }
  const LoadedModel& model() const { return *model_; }

  // Runs serving_default or query_with_exclusions, together with other threads' requests of the
  // signature in one padded batch.
  absl::StatusOr<Tensors> Predict(const Request& request) const;

 private:
  void RunBatch(const std::string& signature, const tensorflow::serving::Batch<Task>& batch) const;

  const std::string name_;
  const std::unique_ptr<LoadedModel> model_;
  // Destroyed first: that waits for the batches under way.
  std::map<std::string, std::unique_ptr<tensorflow::serving::BatchScheduler<Task>>> queues_;
};

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_TF_MODEL_SERVER_H_
