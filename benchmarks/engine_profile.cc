// Where the engine's time goes: `python -m benchmarks.engine_profile` compiles and runs this.
//
//   engine_profile INDEX QUERIES LEAVES REORDERED BATCH
//
// QUERIES holds float32 values, row by row. Prints one JSON object: nanoseconds of a query by stage
// (the best of five passes over all queries), bytes by stage, nanoseconds of reading the same codes
// and doing nothing with them, nanoseconds of the lut16 kernel, and what its lookups and its loads
// alone would take this machine.
#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "cc/base/random.h"
#include "cc/io/index_file.h"
#include "cc/kernels/kernels.h"
#include "cc/kernels/lut16_group.h"
#include "cc/search/int8_rows.h"
#include "cc/search/lookup_table.h"
#include "cc/search/partitioner.h"
#include "cc/search/query.h"
#include "cc/search/reorderer.h"
#include "cc/search/scorer.h"

namespace tfscann {
namespace {

constexpr int kPasses = 5;
constexpr int64_t kResults = 10;
const char* const kStages[] = {"query", "leaves", "lookup table", "scan", "rows"};
constexpr int kNumStages = 5;

double Now() {
  const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::nano>(since_start).count();
}

// Nanoseconds of each stage, and what the last stages read.
struct Profile {
  double nanoseconds[kNumStages] = {};
  double scanned = 0;
  double code_bytes = 0;
  double rows = 0;
};

class Profiler {
 public:
  Profiler(const IndexParts& parts, int64_t leaves, int64_t reordered)
      : parts_(parts),
        partitioner_(parts),
        leaves_(std::min(leaves, parts.parameters.num_leaves)),
        keep_((parts.parameters.soar ? 2 : 1) * reordered) {}

  // As Index::Search goes through the stages, with a clock between them; but a large batch it would
  // sort by branches first, and take a few hundred queries at a time.
  void Batch(const float* queries, int64_t count, Profile* profile) {
    if (static_cast<int64_t>(scratch_.queries.size()) < count) scratch_.queries.resize(count);
    QueryState* const states = scratch_.queries.data();
    last_ = Now();
    for (int64_t q = 0; q < count; ++q) {
      states[q].excluded.Reset(0);
      PrepareQuery(parts_, queries + q * parts_.parameters.dimensions, &states[q].query);
    }
    Stop(0, profile);
    for (int64_t q = 0; q < count; ++q) {
      partitioner_.ChooseLeaves(leaves_, kSortedLeaves, &states[q], &scratch_);
    }
    Stop(1, profile);
    for (int64_t q = 0; q < count; ++q) MakeLookupTable(parts_, keep_, &states[q], &scratch_);
    Stop(2, profile);
    if (count == 1) {
      ScoreChosenLeaves(parts_, keep_, states);
    } else {
      ScoreChosenLeaves(parts_, keep_, states, count, &scratch_);
    }
    Stop(3, profile);
    for (int64_t q = -2; q < count; ++q) {
      if (q + 2 < count) {
        CollectRows(parts_, &states[q + 2], &scratch_);
        profile->rows += static_cast<double>(states[q + 2].reordered_rows.size());
      }
      if (q >= -1 && q + 1 < count) {
        SelectRows(parts_, kResults, NumFinalCandidates(kResults), &states[q + 1], &scratch_);
      }
      if (q < 0) continue;
      ScoreRows(parts_, kResults, states[q], &scratch_);
      scratch_.top_rows.FinishSorted();
    }
    Stop(4, profile);
    for (int64_t q = 0; q < count; ++q) {
      for (const ChosenLeaf& leaf : Span<const ChosenLeaf>(states[q].chosen_leaves)) {
        profile->scanned += parts_.leaf_sizes[leaf.leaf];
        profile->code_bytes +=
            static_cast<double>(parts_.leaf_first_groups[leaf.leaf + 1] -
                                parts_.leaf_first_groups[leaf.leaf]) *
            static_cast<double>(parts_.parameters.num_code_pairs() * kLut16PairBytes +
                                kLut16Group);  // codes and scales
      }
    }
  }

 private:
  void Stop(int stage, Profile* profile) {
    const double now = Now();
    profile->nanoseconds[stage] += now - last_;
    last_ = now;
  }

  const IndexParts& parts_;
  const Partitioner partitioner_;
  const int64_t leaves_;
  const int64_t keep_;
  SearchScratch scratch_;
  double last_ = 0;
};

// Nanoseconds of reading the codes of a query's leaves, a word of each cache line, the next leaf
// being asked for meanwhile: what a scan of one query takes at least, were lookups free.
double ReadNanoseconds(const IndexParts& parts, const std::vector<float>& queries, int64_t leaves) {
  const Partitioner partitioner(parts);
  const int64_t dims = parts.parameters.dimensions;
  const int64_t group_bytes = parts.parameters.num_code_pairs() * kLut16PairBytes;
  const int64_t count = static_cast<int64_t>(queries.size()) / dims;
  std::vector<std::vector<int32_t>> chosen(count);
  SearchScratch scratch;
  QueryState state;
  for (int64_t q = 0; q < count; ++q) {
    PrepareQuery(parts, queries.data() + q * dims, &state.query);
    partitioner.ChooseLeaves(std::min(leaves, parts.parameters.num_leaves), kSortedLeaves, &state,
                             &scratch);
    for (const ChosenLeaf& leaf : Span<const ChosenLeaf>(state.chosen_leaves)) {
      chosen[q].push_back(leaf.leaf);
    }
  }
  const auto bytes_of = [&](int32_t leaf) {
    return Span<const uint8_t>(
        parts.codes.data() + parts.leaf_first_groups[leaf] * group_bytes,
        static_cast<size_t>((parts.leaf_first_groups[leaf + 1] - parts.leaf_first_groups[leaf]) *
                            group_bytes));
  };
  double best = 1e18;
  volatile uint64_t kept = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    uint64_t sum = 0;
    const double begin = Now();
    for (const std::vector<int32_t>& of_query : chosen) {
      for (size_t i = 0; i < of_query.size(); ++i) {
        const Span<const uint8_t> codes = bytes_of(of_query[i]);
        const Span<const uint8_t> next = bytes_of(of_query[std::min(i + 1, of_query.size() - 1)]);
        for (size_t at = 0; at + 8 <= codes.size(); at += 64) {
          uint64_t word;
          std::memcpy(&word, codes.data() + at, sizeof(word));
          sum += word;
          if (at < next.size()) __builtin_prefetch(next.data() + at, 0, 2);
        }
      }
    }
    best = std::min(best, Now() - begin);
    kept = kept + sum;
  }
  return best / static_cast<double>(count);
}

// Nanoseconds of a candidate and query, codes and tables being in the nearest caches.
double ScanNanoseconds(int64_t num_pairs, int64_t num_queries) {
  constexpr int64_t kGroups = 16;
  Random random(0, 0, 0);
  AlignedBuffer<uint8_t> codes(kGroups * num_pairs * kLut16PairBytes);
  AlignedBuffer<uint8_t> tables(num_queries * RoundUp(2 * num_pairs, 4) * 16);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint8_t>(random.Below(256));
  for (size_t i = 0; i < tables.size(); ++i) tables[i] = static_cast<uint8_t>(random.Below(8));
  std::vector<uint16_t> scores(kGroups * kLut16Group), places(kGroups * kLut16Group);
  const std::vector<uint8_t> scales(kGroups * kLut16Group, 64);
  std::vector<Lut16Codes> groups(kGroups);
  for (int64_t i = 0; i < kGroups; ++i) {
    groups[i] = {codes.data() + i * num_pairs * kLut16PairBytes,
                 static_cast<uint32_t>(i * kLut16Group), 0, kLut16Group};
  }
  const Lut16Scan scan = {groups.data(), kGroups, kGroups, num_pairs, scales.data()};
  double best = 1e18;
  for (int pass = 0; pass < 300; ++pass) {
    std::vector<Lut16Query> queries;
    for (int64_t q = 0; q < num_queries; ++q) {
      const uint8_t* table = tables.data() + q * RoundUp(2 * num_pairs, 4) * 16;
      queries.push_back({table, kLut16MaxSum, 0, 0, scores.data(), places.data(), 0});
    }
    const double begin = Now();
    ActiveKernels().lut16_scan(scan, queries.data(), num_queries);
    best = std::min(best, Now() - begin);
  }
  return best / static_cast<double>(kGroups * kLut16Group * num_queries);
}

// What the machine can do, with vectors of the active target: nanoseconds of an entry looked up and
// added, and of a byte loaded from the nearest cache.
struct Limits {
  double lookup = 0;
  double loaded_byte = 0;
};

constexpr int kRepeats = 20'000;
constexpr int kStreams = 6;  // additions that do not wait for each other; all fit in registers
constexpr int kBufferBytes = 16 << 10;

#define TFSCANN_LIMITS(ATTRIBUTE, VECTOR, LOAD, SHUFFLE, ADD, CONSTRAINT)                       \
  ATTRIBUTE void Lookups(const uint8_t* from) {                                                 \
    const VECTOR table = LOAD(reinterpret_cast<const VECTOR*>(from));                           \
    VECTOR codes[kStreams], sums[kStreams];                                                     \
    TFSCANN_UNROLL for (int i = 0; i < kStreams; ++i) {                                         \
      codes[i] = LOAD(reinterpret_cast<const VECTOR*>(from + (i + 1) * sizeof(VECTOR)));        \
      sums[i] = codes[i];                                                                       \
    }                                                                                           \
    for (int repeat = 0; repeat < kRepeats; ++repeat) {                                         \
      TFSCANN_UNROLL for (int i = 0; i < kStreams; ++i) {                                       \
        asm volatile("" : "+" CONSTRAINT(codes[i])); /* so that every lookup is made */         \
        sums[i] = ADD(sums[i], SHUFFLE(table, codes[i]));                                       \
      }                                                                                         \
    }                                                                                           \
    TFSCANN_UNROLL for (int i = 0; i < kStreams; ++i) asm volatile("" : : CONSTRAINT(sums[i])); \
  }                                                                                             \
  ATTRIBUTE void Loads(const uint8_t* from) {                                                   \
    for (int repeat = 0; repeat < kRepeats / 16; ++repeat) {                                    \
      for (int at = 0; at < kBufferBytes; at += static_cast<int>(4 * sizeof(VECTOR))) {         \
        TFSCANN_UNROLL for (int i = 0; i < 4; ++i) {                                            \
          const VECTOR loaded =                                                                 \
              LOAD(reinterpret_cast<const VECTOR*>(from + at + i * sizeof(VECTOR)));            \
          asm volatile("" : : CONSTRAINT(loaded));                                              \
        }                                                                                       \
      }                                                                                         \
    }                                                                                           \
  }

namespace avx512 {
TFSCANN_LIMITS(__attribute__((target("avx512f,avx512bw"))), __m512i, _mm512_loadu_si512,
               _mm512_shuffle_epi8, _mm512_add_epi8, "v")
}  // namespace avx512
namespace avx2 {
TFSCANN_LIMITS(__attribute__((target("avx2"))), __m256i, _mm256_loadu_si256, _mm256_shuffle_epi8,
               _mm256_add_epi8, "x")
}  // namespace avx2

template <typename Function>
double BestNanoseconds(Function function) {
  double best = 1e18;
  for (int pass = 0; pass < 20; ++pass) {
    const double begin = Now();
    function();
    best = std::min(best, Now() - begin);
  }
  return best;
}

// Zeros where the active target has no vector lookups.
Limits MachineLimits() {
  const AlignedBuffer<uint8_t> buffer(kBufferBytes);
  const bool wide = ActiveTarget() == Target::kAvx512;
  if (!wide && ActiveTarget() != Target::kAvx2) return {};
  const double entries = static_cast<double>(kRepeats) * kStreams * (wide ? 64 : 32);
  const double bytes = static_cast<double>(kRepeats / 16) * kBufferBytes;
  const auto lookups = wide ? avx512::Lookups : avx2::Lookups;
  const auto loads = wide ? avx512::Loads : avx2::Loads;
  return {BestNanoseconds([&] { lookups(buffer.data()); }) / entries,
          BestNanoseconds([&] { loads(buffer.data()); }) / bytes};
}

int Main(char** arguments) {
  Result<IndexFile> file = OpenIndex(std::string(arguments[0]));
  if (!file.ok()) {
    std::fprintf(stderr, "%s\n", std::string(file.status().message()).c_str());
    return 1;
  }
  const IndexParts& parts = file->index->parts();
  if (parts.parameters.exact()) {
    std::fprintf(stderr, "the index is an exact one: it has no stages\n");
    return 1;
  }
  std::ifstream stream(arguments[1], std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  const int64_t dims = parts.parameters.dimensions;
  const int64_t num_queries = static_cast<int64_t>(bytes.size() / sizeof(float)) / dims;
  const int64_t batch = std::atoll(arguments[4]);
  if (num_queries < 1 || batch < 1) {
    std::fprintf(stderr, "there are no queries, or the batch is empty\n");
    return 1;
  }
  std::vector<float> queries(num_queries * dims);
  std::copy_n(bytes.data(), queries.size() * sizeof(float),
              reinterpret_cast<char*>(queries.data()));

  Profiler profiler(parts, std::atoll(arguments[2]), std::atoll(arguments[3]));
  Profile best;
  double least = 1e18;
  for (int pass = 0; pass < kPasses; ++pass) {
    Profile profile;
    for (int64_t q = 0; q < num_queries; q += batch) {
      profiler.Batch(queries.data() + q * dims, std::min(batch, num_queries - q), &profile);
    }
    double total = 0;
    for (const double nanoseconds : profile.nanoseconds) total += nanoseconds;
    if (total >= least) continue;
    least = total;
    best = profile;
  }

  const double count = static_cast<double>(num_queries);
  const double float_rows = static_cast<double>(NumFinalCandidates(kResults));
  const double centroid_bytes =
      static_cast<double>(parts.parameters.num_leaves * (RoundUp(dims, 4) + 8));
  const double table_bytes = static_cast<double>(parts.codebooks.size() * sizeof(float));
  const double row_bytes = best.rows / count * static_cast<double>(Int8RowBytes(dims)) +
                           float_rows * static_cast<double>(dims * sizeof(float));
  const double read[kNumStages] = {static_cast<double>(dims * sizeof(float)), centroid_bytes,
                                   table_bytes, best.code_bytes / count, row_bytes};
  std::printf("{\"target\": \"%s\", \"batch\": %lld, \"candidates_scanned\": %.0f, ",
              TargetName(ActiveTarget()), static_cast<long long>(batch), best.scanned / count);
  std::printf("\"rows_reordered\": %.1f, \"stages\": {", best.rows / count);
  for (int stage = 0; stage < kNumStages; ++stage) {
    std::printf("%s\"%s\": {\"ns\": %.0f, \"bytes\": %.0f}", stage > 0 ? ", " : "", kStages[stage],
                best.nanoseconds[stage] / count, read[stage]);
  }
  const int64_t num_pairs = parts.parameters.num_code_pairs();
  std::printf("}, \"read_codes_ns\": %.0f, \"lut16_ns\": {",
              ReadNanoseconds(parts, queries, std::atoll(arguments[2])));
  for (const int64_t together : {1, 2, 4}) {
    std::printf("%s\"%lld\": %.3f", together > 1 ? ", " : "", static_cast<long long>(together),
                ScanNanoseconds(num_pairs, together));
  }
  const Limits limits = MachineLimits();
  const double pairs = static_cast<double>(num_pairs);
  std::printf("}, \"lookups_ns\": %.4f, \"loads_ns\": {", 2 * pairs * limits.lookup);
  for (const int64_t together : {1, 2, 4}) {
    // A byte of codes for a pair of blocks, which the queries of a pass share, and each query's
    // tables, 16 bytes a block for a group of candidates.
    const double bytes = pairs / static_cast<double>(together) + 2 * pairs * 16 / kLut16Group;
    std::printf("%s\"%lld\": %.4f", together > 1 ? ", " : "", static_cast<long long>(together),
                bytes * limits.loaded_byte);
  }
  std::printf("}}\n");
  return 0;
}

}  // namespace
}  // namespace tfscann

int main(int count, char** arguments) {
  if (count != 6) {
    std::fprintf(stderr, "usage: engine_profile INDEX QUERIES LEAVES REORDERED BATCH\n");
    return 2;
  }
  return tfscann::Main(arguments + 1);
}
