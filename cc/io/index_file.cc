#include "cc/io/index_file.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>

#include "cc/base/aligned_buffer.h"
#include "cc/io/section_file.h"
#include "cc/kernels/kernels.h"
#include "cc/search/int8_rows.h"

namespace tfscann {
namespace {

// Every field in a place of its own; unused bytes are zero.
struct StoredParameters {
  uint32_t distance_measure;
  uint32_t reordering_dtype;
  uint32_t identifier_type;
  uint32_t soar;
  int64_t num_candidates;
  int64_t dimensions;
  int64_t num_leaves;
  int64_t dimensions_per_block;
  int64_t num_leaves_to_search;
  int64_t num_reordering_candidates;
  int64_t training_iterations;
  int64_t tuned_k;
  uint64_t seed;
  double soar_lambda;
  double anisotropic_quantization_threshold;
  double target_recall;
  double measured_recall;
  // LeafDemand.
  float leaf_intercept;
  float leaf_best_weight;
  float leaf_deviation_weight;
  uint32_t int8_row_stride;  // 0, in files of version 1: Int8RowBytes
  uint32_t branches;         // 0, in files of versions 1 and 2: leaves in any order
  uint32_t learned_routing;  // 0, in files of versions 1 to 4: centroids rank leaves
  float longest_residual;    // 0, in files of versions 1 to 5
  char unused[12];
};
static_assert(sizeof(StoredParameters) == kParametersBytes);

// Reads sections into IndexParts. The first thing that is wrong is kept as status().
class PartsReader {
 public:
  PartsReader(const SectionReader& sections, Executor* executor)
      : sections_(sections), executor_(executor) {}

  Status Read(IndexParts* parts) {
    ReadParameters(&parts->parameters);
    if (status_.ok()) ReadIdentifiers(&parts->identifiers);
    if (status_.ok()) ReadRows(parts);
    if (status_.ok() && !parts->parameters.exact()) ReadTree(parts);
    // Then not everything was looked at.
    if (executor_->cancelled()) return Status(StatusCode::kCancelled, "loading was cancelled");
    return status_;
  }

 private:
  template <typename... Parts>
  void Fail(const char* section, const Parts&... parts) {
    if (status_.ok()) status_ = DataLoss("section '", section, "': ", parts...);
  }

  // The section as `count` values of T.
  template <typename T>
  Span<const T> Values(const char* section, int64_t count) {
    const Span<const char> bytes = sections_.Find(section);
    if (bytes.size() != static_cast<size_t>(count) * sizeof(T)) {
      Fail(section, "it should have ", count * sizeof(T), " bytes, but has ", bytes.size());
      return {};
    }
    return {reinterpret_cast<const T*>(bytes.data()), static_cast<size_t>(count)};
  }
  // The first of `count` items that is bad, or `count`. Parts are looked through by all threads:
  // `first_bad(begin, end)` returns `end` if all of them are good.
  template <typename Find>
  int64_t FirstBad(int64_t count, int64_t part, const Find& first_bad) {
    std::atomic<int64_t> first{count};
    executor_->ParallelFor(count, part, [&](int64_t begin, int64_t end) {
      const int64_t bad = first_bad(begin, end);
      if (bad == end) return;
      int64_t known = first;
      while (bad < known && !first.compare_exchange_weak(known, bad)) continue;
    });
    return first;
  }
  Span<const float> FiniteFloats(const char* section, int64_t count) {
    const Span<const float> values = Values<float>(section, count);
    const int64_t size = static_cast<int64_t>(values.size());
    const int64_t bad = FirstBad(size, int64_t{1} << 18, [&](int64_t begin, int64_t end) {
      return ActiveKernels().all_finite(values.data() + begin, end - begin) ? end : begin;
    });
    if (bad < size) Fail(section, "a value is NaN or infinite");
    return values;
  }
  Span<const int8_t> CheckedInt8Rows(const char* section, int64_t count, int64_t stride) {
    const Span<const int8_t> values = Values<int8_t>(section, count * stride + kInt8Overread);
    if (!status_.ok()) return {};
    const Int8Rows rows(values.data(), parameters_.dimensions, stride);
    const auto is_bad = [&](int64_t i) {
      return !std::isfinite(rows.scale(i)) || !std::isfinite(rows.squared_norm(i));
    };
    const int64_t bad = FirstBad(count, 4096, [&](int64_t begin, int64_t end) {
      while (begin < end && !is_bad(begin)) ++begin;
      return begin;
    });
    if (bad < count) {
      Fail(section, "the scale of row ", bad, " is NaN or infinite");
      return {};
    }
    return values;
  }

  template <typename T>
  void Require(bool condition, const char* what, T value) {
    if (!condition) Fail(section::kParameters, what, " is ", value);
  }

  void ReadParameters(IndexParameters* out) {
    const Span<const char> bytes = Values<char>(section::kParameters, kParametersBytes);
    if (!status_.ok()) return;
    StoredParameters stored;
    std::memcpy(&stored, bytes.data(), sizeof(stored));
    Require(stored.distance_measure <= 2, "distance_measure", stored.distance_measure);
    Require(stored.reordering_dtype <= 1, "reordering_dtype", stored.reordering_dtype);
    Require(stored.identifier_type <= 5, "identifier_type", stored.identifier_type);
    Require(stored.soar <= 1, "soar", stored.soar);
    Require(stored.branches <= 1, "branches", stored.branches);
    const bool may_learn = stored.distance_measure == 0 && stored.num_leaves > 0;
    Require(stored.learned_routing <= (may_learn ? 1 : 0), "learned_routing",
            stored.learned_routing);
    Require(stored.num_candidates >= 1 && stored.num_candidates < kMaxCandidates, "num_candidates",
            stored.num_candidates);
    Require(stored.dimensions >= 1 && stored.dimensions <= kMaxDimensions, "dimensions",
            stored.dimensions);
    Require(stored.num_leaves >= 0 && stored.num_leaves <= stored.num_candidates, "num_leaves",
            stored.num_leaves);
    Require(std::isfinite(stored.soar_lambda), "soar_lambda", stored.soar_lambda);
    Require(std::isfinite(stored.anisotropic_quantization_threshold),
            "anisotropic_quantization_threshold", stored.anisotropic_quantization_threshold);
    Require(std::isfinite(stored.target_recall), "target_recall", stored.target_recall);
    Require(std::isfinite(stored.measured_recall), "measured_recall", stored.measured_recall);
    Require(std::isfinite(stored.longest_residual) && stored.longest_residual >= 0,
            "longest_residual", stored.longest_residual);
    Require(std::isfinite(stored.leaf_intercept), "leaf_intercept", stored.leaf_intercept);
    Require(std::isfinite(stored.leaf_best_weight), "leaf_best_weight", stored.leaf_best_weight);
    Require(std::isfinite(stored.leaf_deviation_weight), "leaf_deviation_weight",
            stored.leaf_deviation_weight);
    if (!status_.ok()) return;
    constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();
    Require(stored.tuned_k >= 1 && stored.tuned_k <= kLargest, "k", stored.tuned_k);
    const int64_t row_bytes = Int8RowBytes(stored.dimensions);
    if (stored.num_leaves > 0) {
      Require(stored.int8_row_stride == 0 || (stored.int8_row_stride >= row_bytes &&
                                              stored.int8_row_stride <= row_bytes + kCacheLine),
              "int8_row_stride", stored.int8_row_stride);
      Require(stored.training_iterations >= 1 && stored.training_iterations <= kLargest,
              "training_iterations", stored.training_iterations);
      Require(stored.dimensions_per_block >= 1 && stored.dimensions_per_block <= stored.dimensions,
              "dimensions_per_block", stored.dimensions_per_block);
      Require(stored.num_leaves_to_search >= 1 && stored.num_leaves_to_search <= stored.num_leaves,
              "num_leaves_to_search", stored.num_leaves_to_search);
      Require(stored.num_reordering_candidates >= 1, "num_reordering_candidates",
              stored.num_reordering_candidates);
    }
    if (!status_.ok()) return;
    parameters_.distance_measure = static_cast<DistanceMeasure>(stored.distance_measure);
    parameters_.reordering_dtype = static_cast<ReorderingDtype>(stored.reordering_dtype);
    parameters_.num_candidates = stored.num_candidates;
    parameters_.dimensions = stored.dimensions;
    parameters_.num_leaves = stored.num_leaves;
    parameters_.branches = stored.branches == 1;
    parameters_.learned_routing = stored.learned_routing == 1;
    parameters_.dimensions_per_block = stored.dimensions_per_block;
    parameters_.soar = stored.soar == 1;
    parameters_.soar_lambda = stored.soar_lambda;
    parameters_.anisotropic_quantization_threshold = stored.anisotropic_quantization_threshold;
    parameters_.longest_residual = stored.longest_residual;
    parameters_.num_leaves_to_search = stored.num_leaves_to_search;
    parameters_.num_reordering_candidates = stored.num_reordering_candidates;
    parameters_.training_iterations = stored.training_iterations;
    parameters_.seed = stored.seed;
    parameters_.tuned_k = stored.tuned_k;
    parameters_.target_recall = stored.target_recall;
    parameters_.measured_recall = stored.measured_recall;
    if (!parameters_.exact()) {
      parameters_.int8_row_stride =
          stored.int8_row_stride == 0 ? row_bytes : int64_t{stored.int8_row_stride};
    }
    parameters_.leaf_demand = {stored.leaf_intercept, stored.leaf_best_weight,
                               stored.leaf_deviation_weight};
    if (parameters_.num_code_blocks() > kMaxBlocks) {
      Fail(section::kParameters, "more than ", kMaxBlocks, " blocks");
    }
    identifier_type_ = static_cast<IdentifierType>(stored.identifier_type);
    *out = parameters_;
  }

  void ReadIdentifiers(Identifiers* out) {
    if (identifier_type_ == IdentifierType::kRowNumber) return;
    const int64_t n = parameters_.num_candidates;
    Span<const char> values;
    Span<const uint64_t> offsets;
    if (identifier_type_ == IdentifierType::kString) {
      values = sections_.Find(section::kIdentifiers);
      offsets = Values<uint64_t>(section::kIdentifierOffsets, n + 1);
      for (int64_t i = 0; status_.ok() && i < n; ++i) {
        if (offsets[i] > offsets[i + 1]) {
          Fail(section::kIdentifierOffsets, "offset ", i + 1, " is less than the one before");
        }
      }
      if (status_.ok() && (offsets[0] != 0 || offsets[n] != values.size())) {
        Fail(section::kIdentifierOffsets, "they do not cover ", values.size(), " bytes");
      }
    } else {
      values = Values<char>(section::kIdentifiers, n * IdentifierBytes(identifier_type_));
    }
    const Span<const int32_t> slots =
        Values<int32_t>(section::kIdentifierSlots, NumIdentifierSlots(n));
    for (const int32_t row : slots) {
      if (row < kFreeIdentifierSlot || row >= n) {
        Fail(section::kIdentifierSlots, "row ", row, " of ", n);
        return;
      }
    }
    *out = Identifiers(identifier_type_, values, offsets, slots);
  }

  void ReadRows(IndexParts* parts) {
    if (!parameters_.exact() && parameters_.reordering_dtype == ReorderingDtype::kInt8) return;
    parts->rows = FiniteFloats(
        section::kRows, parameters_.num_candidates * parameters_.dimensions + kFloatOverread);
  }

  void ReadTree(IndexParts* parts) {
    const int64_t leaves = parameters_.num_leaves;
    parts->int8_rows = CheckedInt8Rows(section::kInt8Rows, parameters_.num_candidates,
                                       parameters_.int8_row_stride);
    parts->centroids =
        CheckedInt8Rows(section::kCentroids, leaves, Int8RowBytes(parameters_.dimensions));
    parts->leaf_radii = FiniteFloats(section::kLeafRadii, leaves);
    if (parameters_.learned_routing) {
      parts->routing_vectors =
          CheckedInt8Rows(section::kRoutingVectors, leaves, Int8RowBytes(parameters_.dimensions));
      parts->routing_offsets = FiniteFloats(section::kRoutingOffsets, leaves);
    }
    parts->codebooks = FiniteFloats(
        section::kCodebooks, parameters_.num_blocks() * parameters_.dimensions_per_block * 16);
    if (parameters_.distance_measure == DistanceMeasure::kSquaredL2) {
      parts->center = FiniteFloats(section::kCenter, parameters_.dimensions);
      parts->norm_codebooks = FiniteFloats(section::kNormCodebooks, kNormBlocks * 16);
      if (sections_.format_version() >= 4) {
        parts->leaf_norm_terms = FiniteFloats(section::kLeafNormTerms, leaves);
      }
    }
    ReadLeaves(parts);
    if (!status_.ok()) return;
    const int64_t groups = parts->leaf_first_groups[leaves];
    parts->codes =
        Values<uint8_t>(section::kCodes, groups * parameters_.num_code_pairs() * kLut16PairBytes);
    if (sections_.format_version() >= 6) ReadCodeScales(groups * kLut16Group, parts);
  }

  void ReadCodeScales(int64_t positions, IndexParts* parts) {
    parts->code_scales = Values<uint8_t>(section::kCodeScales, positions);
    if (!status_.ok()) return;
    const int64_t bad = FirstBad(positions, int64_t{1} << 18, [&](int64_t begin, int64_t end) {
      bool any = false;  // as in ReadLeaves
      for (int64_t i = begin; i < end; ++i) any |= parts->code_scales[i] > kLut16MaxScale;
      return any ? begin : end;
    });
    if (bad < positions) Fail(section::kCodeScales, "a scale is more than ", kLut16MaxScale);
  }

  void ReadLeaves(IndexParts* parts) {
    const int64_t leaves = parameters_.num_leaves;
    parts->leaf_first_groups = Values<uint32_t>(section::kLeafFirstGroups, leaves + 1);
    parts->leaf_sizes = Values<uint32_t>(section::kLeafSizes, leaves);
    if (!status_.ok()) return;
    int64_t group = 0, candidates = 0;
    for (int64_t leaf = 0; leaf < leaves; ++leaf) {
      if (parts->leaf_first_groups[leaf] != group) {
        Fail(section::kLeafFirstGroups, "leaf ", leaf, " does not start where the last ends");
        return;
      }
      candidates += parts->leaf_sizes[leaf];
      group += CeilDiv(parts->leaf_sizes[leaf], kLut16Group);
      // Positions are 32 bits wide.
      if (group * kLut16Group >= int64_t{1} << 32) {
        Fail(section::kLeafSizes, "too many candidates in the leaves");
        return;
      }
    }
    if (parts->leaf_first_groups[leaves] != group) {
      Fail(section::kLeafFirstGroups, "the last leaf does not end where it should");
      return;
    }
    const int64_t copies = parameters_.soar ? 2 : 1;
    if (candidates != copies * parameters_.num_candidates) {
      Fail(section::kLeafSizes, candidates, " candidates in all leaves, but there should be ",
           copies * parameters_.num_candidates);
      return;
    }
    parts->position_rows = Values<int32_t>(section::kPositionRows, group * kLut16Group);
    if (!status_.ok()) return;
    const auto is_bad = [&](int32_t row) {
      return static_cast<uint32_t>(row) >= static_cast<uint32_t>(parameters_.num_candidates);
    };
    const int64_t bad = FirstBad(leaves, 64, [&](int64_t begin, int64_t end) {
      for (; begin < end; ++begin) {
        bool any = false;  // not any_of, which stops, and so is not vectorized
        for (const int32_t row : parts->RowsOf(begin)) any |= is_bad(row);
        if (any) break;
      }
      return begin;
    });
    if (bad < leaves) {
      const Span<const int32_t> rows = parts->RowsOf(bad);
      const int32_t* const row = std::find_if(rows.begin(), rows.end(), is_bad);
      // Whoever may write to the file may have done so since.
      Fail(section::kPositionRows, "row ", row == rows.end() ? -1 : *row, " of ",
           parameters_.num_candidates);
    }
  }

  const SectionReader& sections_;
  Executor* const executor_;
  Status status_;
  IndexParameters parameters_;
  IdentifierType identifier_type_ = IdentifierType::kRowNumber;
};

Result<Memory> AlignedCopy(const Memory& memory) {
  TFSCANN_ASSIGN_OR_RETURN(const auto buffer, AllocateForFile(memory.bytes.size()));
  std::copy(memory.bytes.begin(), memory.bytes.end(), buffer->data());
  return Memory{{buffer->data(), buffer->size()}, buffer, /*mapped=*/false};
}

// The largest scale for every position of an index that has none, kept with its memory.
Status AddCodeScales(IndexParts* parts, std::shared_ptr<const void>* memory) {
  TFSCANN_ASSIGN_OR_RETURN(const auto scales, AllocateForFile(parts->position_rows.size()));
  std::fill(scales->data(), scales->data() + scales->size(), static_cast<char>(kLut16MaxScale));
  parts->code_scales = {reinterpret_cast<const uint8_t*>(scales->data()), scales->size()};
  using Both = std::pair<std::shared_ptr<const void>, std::shared_ptr<const void>>;
  *memory = std::make_shared<Both>(std::move(*memory), scales);
  return Status();
}

}  // namespace

void EncodeParameters(const IndexParameters& parameters, IdentifierType identifier_type,
                      char* bytes) {
  StoredParameters stored = {};
  stored.distance_measure = static_cast<uint32_t>(parameters.distance_measure);
  stored.reordering_dtype = static_cast<uint32_t>(parameters.reordering_dtype);
  stored.identifier_type = static_cast<uint32_t>(identifier_type);
  stored.soar = parameters.soar;
  stored.num_candidates = parameters.num_candidates;
  stored.dimensions = parameters.dimensions;
  stored.num_leaves = parameters.num_leaves;
  stored.branches = parameters.branches;
  stored.learned_routing = parameters.learned_routing;
  stored.dimensions_per_block = parameters.dimensions_per_block;
  stored.longest_residual = parameters.longest_residual;
  stored.num_leaves_to_search = parameters.num_leaves_to_search;
  stored.num_reordering_candidates = parameters.num_reordering_candidates;
  stored.training_iterations = parameters.training_iterations;
  stored.tuned_k = parameters.tuned_k;
  stored.seed = parameters.seed;
  stored.soar_lambda = parameters.soar_lambda;
  stored.anisotropic_quantization_threshold = parameters.anisotropic_quantization_threshold;
  stored.target_recall = parameters.target_recall;
  stored.measured_recall = parameters.measured_recall;
  stored.int8_row_stride = static_cast<uint32_t>(parameters.int8_row_stride);
  stored.leaf_intercept = parameters.leaf_demand.intercept;
  stored.leaf_best_weight = parameters.leaf_demand.best_weight;
  stored.leaf_deviation_weight = parameters.leaf_demand.deviation_weight;
  std::memcpy(bytes, &stored, sizeof(stored));
}

// Rows were checked, and a search of a tree reads few of them: pages of theirs that are never asked
// for need not count. The rest, before and behind them, is read by every search, from here and
// there.
Status ArrangePages(const Memory& memory, Span<const char> rows) {
  if (rows.empty()) return MoveToHugePages(memory, memory.bytes);
  ReleasePages(memory, rows);
  const size_t before = static_cast<size_t>(rows.begin() - memory.bytes.begin());
  const size_t behind = static_cast<size_t>(memory.bytes.end() - rows.end());
  TFSCANN_RETURN_IF_ERROR(MoveToHugePages(memory, {memory.bytes.data(), before}));
  return MoveToHugePages(memory, {rows.end(), behind});
}

Result<IndexFile> OpenIndex(Memory memory, Executor* executor) {
  InlineExecutor this_thread;
  if (executor == nullptr) executor = &this_thread;
  if (reinterpret_cast<uintptr_t>(memory.bytes.data()) % kCacheLine != 0) {
    TFSCANN_ASSIGN_OR_RETURN(memory, AlignedCopy(memory));
  }
  TFSCANN_ASSIGN_OR_RETURN(const SectionReader sections,
                           SectionReader::Open(memory.bytes, executor));
  IndexParts parts;
  TFSCANN_RETURN_IF_ERROR(PartsReader(sections, executor).Read(&parts));
  if (!parts.parameters.exact()) {
    TFSCANN_RETURN_IF_ERROR(ArrangePages(memory, sections.Find(section::kRows)));
  }
  std::shared_ptr<const void> owner = memory.owner;
  if (!parts.parameters.exact() && parts.code_scales.empty()) {
    TFSCANN_RETURN_IF_ERROR(AddCodeScales(&parts, &owner));
  }
  IndexFile file;
  file.format_version = sections.format_version();
  file.index = std::make_shared<const Index>(parts, std::move(owner));
  file.memory = std::move(memory);
  for (const SectionReader::Section& section : sections.sections()) {
    // Printed, so printable.
    for (const char c : section.name) {
      if (!(c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
        return DataLoss("header: a section's name is not of letters, digits and _");
      }
    }
    file.section_bytes.emplace_back(section.name, section.bytes.size());
  }
  return file;
}

Result<IndexFile> OpenIndex(const std::string& path, Executor* executor) {
  TFSCANN_ASSIGN_OR_RETURN(Memory memory, MapFile(path));
  return OpenIndex(std::move(memory), executor);
}

}  // namespace tfscann
