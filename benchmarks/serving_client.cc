// A model server and its clients in one process: the server of the tests (tests/cc/tf/model_server)
// loads a SavedModel and replays its warm-up requests; closed-loop clients ask its serving_default.
// Prints JSON; see serving.py.
//
// usage: serving_client OP_LIBRARY SAVED_MODEL QUERIES DIMENSIONS SECONDS ANSWERS
//   QUERIES: float32 [n, DIMENSIONS]; ANSWERS: written, int32 [n, k], the identifiers found
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/platform/env.h"
#include "tests/cc/tf/model_server.h"

namespace {

using ::tensorflow::Tensor;
using ::tfscann::testing::LoadedModel;
using ::tfscann::testing::ModelServer;
using ::tfscann::testing::Request;
using ::tfscann::testing::Tensors;
using Clock = std::chrono::steady_clock;
using Ask = std::function<Tensor(const Tensor& queries)>;  // returns identifiers

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

Tensor IdentifiersOf(const absl::StatusOr<Tensors>& outputs) {
  Check(outputs.status());
  return outputs->at("identifiers");
}

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

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Request RequestOf(const Tensor& queries) { return {"serving_default", {{"queries", queries}}}; }

// Microseconds.
double Latency(const Ask& ask, const Tensor& queries) {
  const Clock::time_point start = Clock::now();
  ask(queries);
  return Seconds(Clock::now() - start) * 1e6;
}

// How long each of the first `count` queries takes, microseconds, with a pause before each.
std::vector<double> Latencies(const Ask& ask, const std::vector<Tensor>& queries, size_t count,
                              std::chrono::milliseconds pause = {}) {
  std::vector<double> latencies;
  for (size_t i = 0; i < count; ++i) {
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
    latencies.push_back(Latency(ask, queries[i]));
  }
  return latencies;
}

// A client that asks on and on while another thread loads the model again and serves it instead, as
// a server changes versions: how long its first query of the new version takes, and the median of
// the 200 after that, microseconds. Medians of several changes.
struct AfterChange {
  double first, later;
};
AfterChange ChangeVersions(ModelServer* server, const std::string& path,
                           const std::vector<Tensor>& queries) {
  std::vector<double> first, later;
  for (int change = 0; change < 9; ++change) {
    // Kept to the end: what unloading it takes is not in the measurement.
    const ModelServer::Handle before = server->CurrentVersion();
    std::thread loader([&] {
      absl::StatusOr<std::unique_ptr<LoadedModel>> loaded = LoadedModel::Load(path);
      Check(loaded.status());
      server->Serve("next", *std::move(loaded));
    });
    std::vector<double> latencies;
    for (size_t i = 0; latencies.size() <= 200; ++i) {
      const ModelServer::Handle version = server->CurrentVersion();
      const Ask ask = [&](const Tensor& query) {
        return IdentifiersOf(version->model().Run(RequestOf(query)));
      };
      const double latency = Latency(ask, queries[i % queries.size()]);
      if (version != before) latencies.push_back(latency);
    }
    loader.join();
    first.push_back(latencies[0]);
    later.push_back(Median({latencies.begin() + 1, latencies.end()}));
  }
  return {Median(first), Median(later)};
}

// Clients that each ask again as soon as they have an answer. Prints latencies and throughput.
void Measure(const Ask& ask, const char* server, const std::vector<Tensor>& batches,
             int num_clients, double seconds) {
  std::vector<std::vector<double>> latencies(num_clients);
  std::atomic<size_t> next{0};
  const Clock::time_point start = Clock::now();
  std::vector<std::thread> clients;
  for (int client = 0; client < num_clients; ++client) {
    clients.emplace_back([&, client] {
      Clock::time_point now = start;
      do {
        ask(batches[next.fetch_add(1) % batches.size()]);
        const Clock::time_point end = Clock::now();
        latencies[client].push_back(Seconds(end - now) * 1e6);
        now = end;
      } while (Seconds(now - start) < seconds);
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
      "{\"server\": \"%s\", \"batch\": %.0f, \"clients\": %d, \"p50_us\": %.1f, "
      "\"p99_us\": %.1f, \"qps\": %.1f}",
      server, size, num_clients, all[all.size() / 2], all[all.size() * 99 / 100],
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

  void* op_library;
  Check(tensorflow::Env::Default()->LoadDynamicLibrary(argv[1], &op_library));
  const std::vector<Tensor> singles = Batches(values, dimensions, 1);
  ModelServer server(static_cast<int>(std::thread::hardware_concurrency()));
  const double resident = ResidentMegabytes();
  const Clock::time_point start = Clock::now();
  absl::StatusOr<std::unique_ptr<LoadedModel>> loaded = LoadedModel::Load(argv[2]);
  const double load_seconds = Seconds(Clock::now() - start);
  Check(loaded.status());
  const double loaded_megabytes = ResidentMegabytes() - resident;
  const int num_warmup_requests = (*loaded)->num_warmup_requests();
  server.Serve("1", *std::move(loaded));
  const ModelServer::Handle version = server.CurrentVersion();
  const LoadedModel& model = version->model();

  // As a server does that batches no requests, the same in the client's thread, and batching.
  const Ask run = [&](const Tensor& queries) {
    return IdentifiersOf(model.Run(RequestOf(queries)));
  };
  tensorflow::RunOptions options;
  options.set_inter_op_thread_pool(-1);
  const Ask run_in_this_thread = [&](const Tensor& queries) {
    return IdentifiersOf(model.Run(RequestOf(queries), options));
  };
  const Ask predict = [&](const Tensor& queries) {
    return IdentifiersOf(version->Predict(RequestOf(queries)));
  };

  const std::vector<double> first = Latencies(run, singles, 201);
  const double after_pause = Median(Latencies(run, singles, 60, std::chrono::milliseconds(20)));
  // The second is the first after one warm-up request; the ninth that after eight.
  std::printf(
      "{\"load_s\": %.4f, \"warmup_requests\": %d, \"loaded_mb\": %.1f, \"first_us\": %.1f, "
      "\"second_us\": %.1f, \"ninth_us\": %.1f, \"median_us\": %.1f, \"after_pause_us\": %.1f,",
      load_seconds, num_warmup_requests, loaded_megabytes, first[0], first[1], first[8],
      Median(first), after_pause);

  std::ofstream answers(argv[6], std::ios::binary);
  for (const Tensor& queries : Batches(values, dimensions, 100)) {
    const Tensor identifiers = run(queries);
    answers.write(static_cast<const char*>(identifiers.data()), identifiers.TotalBytes());
  }
  std::printf(" \"measured\": [");
  const char* separator = "";
  for (const int64_t batch : {1, 16, 128}) {
    const std::vector<Tensor> batches = Batches(values, dimensions, batch);
    for (const int num_clients : {1, 4, 16}) {
      std::printf("%s", separator);
      Measure(run, "unbatched", batches, num_clients, seconds);
      separator = ", ";
    }
  }
  for (const int num_clients : {4, 16}) {
    std::printf(", ");
    Measure(predict, "batching", singles, num_clients, seconds);
  }
  std::printf("], \"calling_thread_us\": %.1f",
              Median(Latencies(run_in_this_thread, singles, singles.size())));
  const AfterChange change = ChangeVersions(&server, argv[2], singles);
  std::printf(", \"change_first_us\": %.1f, \"change_later_us\": %.1f}\n", change.first,
              change.later);
}
