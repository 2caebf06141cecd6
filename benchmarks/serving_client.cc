// A model server and its clients in one process: loads a SavedModel with the C++ loader and asks
// its serving_default from closed-loop clients. Prints JSON; see serving.py.
//
// usage: serving_client OP_LIBRARY SAVED_MODEL QUERIES DIMENSIONS SECONDS ANSWERS
//   QUERIES: float32 [n, DIMENSIONS]; ANSWERS: written, int32 [n, k], the identifiers found
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/platform/env.h"
#include "tensorflow/core/public/session.h"

namespace {

using Clock = std::chrono::steady_clock;
using tensorflow::Tensor;

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

double ResidentMegabytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * 4096 / 1e6;
}

class Server {
 public:
  Server(const std::string& op_library, const std::string& saved_model) {
    void* handle;
    Check(tensorflow::Env::Default()->LoadDynamicLibrary(op_library.c_str(), &handle));
    const double resident = ResidentMegabytes();
    const Clock::time_point start = Clock::now();
    Check(tensorflow::LoadSavedModel(tensorflow::SessionOptions(), tensorflow::RunOptions(),
                                     saved_model, {"serve"}, &model_));
    load_seconds_ = Seconds(Clock::now() - start);
    loaded_megabytes_ = ResidentMegabytes() - resident;
    const auto& signature = model_.GetSignatures().at("serving_default");
    input_ = signature.inputs().begin()->second.name();
    outputs_ = {signature.outputs().at("scores").name(),
                signature.outputs().at("identifiers").name()};
  }

  Tensor Identifiers(const Tensor& queries, const tensorflow::RunOptions& options = {}) const {
    std::vector<Tensor> found;
    Check(model_.GetSession()->Run(options, {{input_, queries}}, outputs_, {}, &found, nullptr));
    return found[1];
  }

  double load_seconds() const { return load_seconds_; }
  double loaded_megabytes() const { return loaded_megabytes_; }

 private:
  tensorflow::SavedModelBundle model_;
  std::string input_;
  std::vector<std::string> outputs_;
  double load_seconds_ = 0, loaded_megabytes_ = 0;
};

std::vector<Tensor> Batches(const std::vector<float>& values, int64_t dimensions, int64_t size) {
  std::vector<Tensor> batches;
  const int64_t count = static_cast<int64_t>(values.size()) / dimensions;
  for (int64_t begin = 0; begin + size <= count; begin += size) {
    batches.emplace_back(tensorflow::DT_FLOAT, tensorflow::TensorShape({size, dimensions}));
    std::copy_n(values.data() + begin * dimensions, size * dimensions,
                batches.back().flat<float>().data());
  }
  return batches;
}

// The median latency of a client who lends the session its own thread, microseconds.
double MedianOnCallingThread(const Server& server, const std::vector<Tensor>& queries) {
  tensorflow::RunOptions options;
  options.set_inter_op_thread_pool(-1);
  std::vector<double> latencies;
  for (const Tensor& query : queries) {
    const Clock::time_point start = Clock::now();
    server.Identifiers(query, options);
    latencies.push_back(Seconds(Clock::now() - start) * 1e6);
  }
  std::nth_element(latencies.begin(), latencies.begin() + latencies.size() / 2, latencies.end());
  return latencies[latencies.size() / 2];
}

// Clients that each ask again as soon as they have an answer. Prints latencies and throughput.
void Measure(const Server& server, const std::vector<Tensor>& batches, int num_clients,
             double seconds) {
  std::vector<std::vector<double>> latencies(num_clients);
  std::atomic<size_t> next{0};
  const Clock::time_point start = Clock::now();
  std::vector<std::thread> clients;
  for (int client = 0; client < num_clients; ++client) {
    clients.emplace_back([&, client] {
      for (Clock::time_point now = start; Seconds(now - start) < seconds;) {
        const Tensor& queries = batches[next.fetch_add(1) % batches.size()];
        server.Identifiers(queries);
        const Clock::time_point end = Clock::now();
        latencies[client].push_back(Seconds(end - now) * 1e6);
        now = end;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  const double elapsed = Seconds(Clock::now() - start);
  std::vector<double> all;
  for (const std::vector<double>& of_client : latencies) {
    all.insert(all.end(), of_client.begin(), of_client.end());
  }
  std::sort(all.begin(), all.end());
  const double size = static_cast<double>(batches[0].dim_size(0));
  std::printf(
      "{\"batch\": %.0f, \"clients\": %d, \"p50_us\": %.1f, \"p99_us\": %.1f, \"qps\": %.1f}", size,
      num_clients, all[all.size() / 2], all[all.size() * 99 / 100],
      static_cast<double>(all.size()) * size / elapsed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: see the source\n");
    return 2;
  }
  std::ifstream file(argv[3], std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<float> values(bytes.size() / sizeof(float));
  std::copy_n(bytes.data(), values.size() * sizeof(float), reinterpret_cast<char*>(values.data()));
  const int64_t dimensions = std::atoll(argv[4]);
  const double seconds = std::atof(argv[5]);

  const Server server(argv[1], argv[2]);
  const std::vector<Tensor> singles = Batches(values, dimensions, 1);
  std::vector<double> first;
  for (int i = 0; i < 201; ++i) {
    const Clock::time_point start = Clock::now();
    server.Identifiers(singles[i]);
    first.push_back(Seconds(Clock::now() - start) * 1e6);
  }
  // The second is the first after one warm-up request; the ninth that after eight, which is as many
  // as an export with eight warm-up queries has the server ask before it takes requests.
  const double first_query = first[0], second_query = first[1], ninth_query = first[8];
  std::nth_element(first.begin(), first.begin() + 100, first.end());
  std::printf(
      "{\"load_s\": %.4f, \"loaded_mb\": %.1f, \"first_us\": %.1f, \"second_us\": %.1f, "
      "\"ninth_us\": %.1f, \"median_us\": %.1f,",
      server.load_seconds(), server.loaded_megabytes(), first_query, second_query, ninth_query,
      first[100]);

  std::ofstream answers(argv[6], std::ios::binary);
  for (const Tensor& queries : Batches(values, dimensions, 100)) {
    const Tensor identifiers = server.Identifiers(queries);
    answers.write(static_cast<const char*>(identifiers.data()), identifiers.TotalBytes());
  }
  std::printf(" \"measured\": [");
  const char* separator = "";
  for (const int64_t batch : {1, 16, 128}) {
    const std::vector<Tensor> batches = Batches(values, dimensions, batch);
    for (const int num_clients : {1, 4, 16}) {
      std::printf("%s", separator);
      Measure(server, batches, num_clients, seconds);
      separator = ", ";
    }
  }
  std::printf("], \"calling_thread_us\": %.1f}\n", MedianOnCallingThread(server, singles));
}
