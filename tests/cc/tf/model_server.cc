#include "tests/cc/tf/model_server.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "tensorflow/core/framework/tensor.pb.h"
#include "tensorflow/core/framework/tensor_util.h"
#include "tensorflow/core/lib/io/record_reader.h"
#include "tensorflow/core/platform/env.h"
#include "tensorflow/core/public/session.h"

namespace tfscann::testing {
namespace {

using ::tensorflow::Tensor;

const std::vector<int32_t> kBatchSizes = {1, 2, 4, 8, 16, 32};

// Fields of a protocol buffer whose fields are all length-delimited.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}

  // The contents of all fields of this number.
  std::vector<std::string_view> All(uint64_t number) {
    std::vector<std::string_view> contents;
    std::string_view rest = bytes_;
    while (!rest.empty()) {
      const uint64_t tag = Varint(&rest), size = std::min<uint64_t>(Varint(&rest), rest.size());
      if (tag == (number << 3 | 2)) contents.push_back(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    return contents;
  }
  std::string_view First(uint64_t number) {
    const std::vector<std::string_view> all = All(number);
    return all.empty() ? std::string_view() : all[0];
  }

 private:
  static uint64_t Varint(std::string_view* bytes) {
    uint64_t value = 0;
    for (int shift = 0; !bytes->empty(); shift += 7) {
      const uint8_t byte = bytes->front();
      bytes->remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) break;
    }
    return value;
  }

  std::string_view bytes_;
};

// PredictionLog.predict_log.request: model_spec.signature_name, and the map of inputs.
absl::StatusOr<Request> ParsePredictionLog(const std::string& record) {
  const std::string_view predict = Fields(Fields(record).First(6)).First(1);
  Request request;
  request.signature = Fields(Fields(predict).First(1)).First(3);
  for (const std::string_view entry : Fields(predict).All(2)) {
    const std::string_view bytes = Fields(entry).First(2);
    tensorflow::TensorProto proto;
    Tensor tensor;
    if (!proto.ParseFromArray(bytes.data(), bytes.size()) || !tensor.FromProto(proto)) {
      return absl::DataLossError("a warm-up request has an input that is no tensor");
    }
    request.inputs[std::string(Fields(entry).First(1))] = tensor;
  }
  return request;
}

}  // namespace

absl::StatusOr<std::vector<Request>> ReadWarmupRequests(const std::string& saved_model) {
  tensorflow::Env* const env = tensorflow::Env::Default();
  const std::string path = saved_model + "/assets.extra/tf_serving_warmup_requests";
  std::vector<Request> requests;
  if (!env->FileExists(path).ok()) return requests;
  std::unique_ptr<tensorflow::RandomAccessFile> file;
  TF_RETURN_IF_ERROR(env->NewRandomAccessFile(path, &file));
  tensorflow::io::SequentialRecordReader reader(file.get());
  tensorflow::tstring record;
  absl::Status status;
  while ((status = reader.ReadRecord(&record)).ok()) {
    absl::StatusOr<Request> request = ParsePredictionLog(record);
    if (!request.ok()) return request.status();
    requests.push_back(*std::move(request));
  }
  if (!absl::IsOutOfRange(status)) return status;
  return requests;
}

absl::StatusOr<std::unique_ptr<LoadedModel>> LoadedModel::Load(const std::string& path) {
  auto model = std::make_unique<LoadedModel>();
  TF_RETURN_IF_ERROR(tensorflow::LoadSavedModel(
      tensorflow::SessionOptions(), tensorflow::RunOptions(), path, {"serve"}, &model->bundle_));
  absl::StatusOr<std::vector<Request>> requests = ReadWarmupRequests(path);
  if (!requests.ok()) return requests.status();
  for (const Request& request : *requests) TF_RETURN_IF_ERROR(model->Run(request).status());
  model->num_warmup_requests_ = static_cast<int>(requests->size());
  return model;
}

absl::StatusOr<Tensors> LoadedModel::Run(const Request& request,
                                         const tensorflow::RunOptions& options) const {
  const auto& signatures = bundle_.GetSignatures();
  const auto signature = signatures.find(request.signature);
  if (signature == signatures.end()) {
    return absl::NotFoundError(absl::StrCat("there is no signature ", request.signature));
  }
  std::vector<std::pair<std::string, Tensor>> feeds;
  for (const auto& [name, tensor] : request.inputs) {
    const auto input = signature->second.inputs().find(name);
    if (input == signature->second.inputs().end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(request.signature, " has no input named ", name));
    }
    feeds.emplace_back(input->second.name(), tensor);
  }
  std::vector<std::string> names, fetches;
  for (const auto& [name, info] : signature->second.outputs()) {
    names.push_back(name);
    fetches.push_back(info.name());
  }
  std::vector<Tensor> found;
  TF_RETURN_IF_ERROR(bundle_.GetSession()->Run(options, feeds, fetches, {}, &found, nullptr));
  Tensors outputs;
  for (size_t i = 0; i < names.size(); ++i) outputs[names[i]] = found[i];
  return outputs;
}

ModelServer::ModelServer(int num_batch_threads) {
  Scheduler::Options options;
  options.num_batch_threads = num_batch_threads;
  TF_CHECK_OK(Scheduler::Create(options, &scheduler_));
}

ModelServer::Handle ModelServer::Serve(const std::string& name,
                                       std::unique_ptr<LoadedModel> model) {
  Handle handle = std::make_shared<const Version>(name, std::move(model), scheduler_.get());
  std::lock_guard<std::mutex> lock(mutex_);
  current_.swap(handle);
  return handle;
}

ModelServer::Handle ModelServer::CurrentVersion() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return current_;
}

ModelServer::Version::Version(std::string name, std::unique_ptr<LoadedModel> model,
                              Scheduler* scheduler)
    : name_(std::move(name)), model_(std::move(model)) {
  Scheduler::QueueOptions options;
  options.input_batch_size_limit = kBatchSizes.back();
  options.max_execution_batch_size = kBatchSizes.back();
  options.batch_timeout_micros = 100;
  options.max_enqueued_batches = 100;
  for (const std::string signature : {"serving_default", "query_with_exclusions"}) {
    TF_CHECK_OK(scheduler->AddQueue(
        options,
        [this, signature](std::unique_ptr<tensorflow::serving::Batch<Task>> batch) {
          RunBatch(signature, *batch);
        },
        &queues_[signature]));
  }
}

absl::StatusOr<Tensors> ModelServer::Version::Predict(const Request& request) const {
  const auto queue = queues_.find(request.signature);
  if (queue == queues_.end()) {
    return absl::InvalidArgumentError(absl::StrCat(request.signature, " is not run in batches"));
  }
  absl::StatusOr<Tensors> outputs;
  absl::Notification done;
  auto task = std::make_unique<Task>();
  task->inputs = &request.inputs;
  task->outputs = &outputs;
  task->done = &done;
  TF_RETURN_IF_ERROR(queue->second->Schedule(&task));
  done.WaitForNotification();
  return outputs;
}

void ModelServer::Version::RunBatch(const std::string& signature,
                                    const tensorflow::serving::Batch<Task>& batch) const {
  const int64_t size = static_cast<int64_t>(batch.size());
  const int64_t padded = *std::lower_bound(kBatchSizes.begin(), kBatchSizes.end(), size);
  Request together;
  together.signature = signature;
  for (const auto& [name, first] : *batch.task(0).inputs) {
    std::vector<Tensor> parts;
    for (int i = 0; i < batch.num_tasks(); ++i) parts.push_back(batch.task(i).inputs->at(name));
    // As Serving pads: with the first row of the first request.
    for (int64_t i = size; i < padded; ++i) parts.push_back(first.Slice(0, 1));
    TF_CHECK_OK(tensorflow::tensor::Concat(parts, &together.inputs[name]));
  }
  const absl::StatusOr<Tensors> outputs = model_->Run(together);
  int64_t begin = 0;
  for (int i = 0; i < batch.num_tasks(); ++i) {
    const Task& task = batch.task(i);
    const int64_t end = begin + static_cast<int64_t>(task.size());
    if (outputs.ok()) {
      task.outputs->emplace();
      for (const auto& [name, tensor] : *outputs) {
        (**task.outputs)[name] = tensorflow::tensor::DeepCopy(tensor.Slice(begin, end));
      }
    } else {
      *task.outputs = outputs.status();
    }
    begin = end;
    task.done->Notify();
  }
}

}  // namespace tfscann::testing
