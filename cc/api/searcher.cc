#include "tensorflow_scann/searcher.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "cc/io/describe.h"
#include "cc/io/index_file.h"
#include "cc/search/scratch.h"

namespace tensorflow_scann {
namespace {

Status ToPublic(const tfscann::Status& status) {
  using Code = Status::Code;
  switch (status.code()) {
    case tfscann::StatusCode::kOk:
      return Status();
    case tfscann::StatusCode::kInvalidArgument:
      return Status(Code::kInvalidArgument, status.message());
    case tfscann::StatusCode::kNotFound:
      return Status(Code::kNotFound, status.message());
    case tfscann::StatusCode::kDataLoss:
      return Status(Code::kDataLoss, status.message());
    case tfscann::StatusCode::kUnimplemented:
      return Status(Code::kUnimplemented, status.message());
    case tfscann::StatusCode::kResourceExhausted:
      return Status(Code::kResourceExhausted, status.message());
    case tfscann::StatusCode::kCancelled:
    case tfscann::StatusCode::kFailedPrecondition:
    case tfscann::StatusCode::kInternal:
      break;
  }
  return Status(Code::kInternal, status.message());
}

template <typename... Parts>
Status InvalidArgument(const Parts&... parts) {
  return Status(Status::Code::kInvalidArgument, tfscann::StrCat(parts...));
}

// What `body` returns. A vector for which there is no memory is an exception; here it ends.
template <typename Body>
Status NoMemoryAsStatus(const Body& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    // So short that it needs no memory.
    return Status(Status::Code::kResourceExhausted, "out of memory");
  }
}

}  // namespace

struct Searcher::State {
  const tfscann::Index& index() const { return *file.index; }
  const tfscann::Identifiers& identifiers() const { return file.index->identifiers(); }
  bool has(int64_t row) const { return row >= 0 && row < index().parameters().num_candidates; }

  template <typename T>
  std::vector<int32_t> FindValue(T value) const {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    return FindBytes({bytes, sizeof(T)});
  }
  std::vector<int32_t> FindBytes(std::string_view bytes) const {
    std::vector<int32_t> rows;
    identifiers().FindRows(bytes, [&](int32_t row) { rows.push_back(row); });
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  Status Search(tfscann::MatrixView<const float> queries, const SearchOptions& options,
                tfscann::MatrixView<float> scores, tfscann::MatrixView<int32_t> rows);

  tfscann::IndexFile file;
  tfscann::ScratchPool scratches;
};

Searcher::Searcher(std::unique_ptr<State> state) : state_(std::move(state)) {}
Searcher::~Searcher() = default;

Status Searcher::Open(const std::string& path, std::unique_ptr<Searcher>* searcher) {
  return NoMemoryAsStatus([&] {
    tfscann::Result<tfscann::IndexFile> file = tfscann::OpenIndex(path);
    if (!file.ok()) return ToPublic(file.status());
    auto state = std::make_unique<State>();
    state->file = *std::move(file);
    searcher->reset(new Searcher(std::move(state)));
    return Status();
  });
}

Status Searcher::Search(const float* queries, int64_t num_queries, const SearchOptions& options,
                        float* scores, int32_t* rows) const {
  return NoMemoryAsStatus([&] {
    return state_->Search({queries, num_queries, dimensions()}, options,
                          {scores, num_queries, options.k}, {rows, num_queries, options.k});
  });
}

Status Searcher::State::Search(tfscann::MatrixView<const float> queries,
                               const SearchOptions& options, tfscann::MatrixView<float> scores,
                               tfscann::MatrixView<int32_t> rows) {
  const int64_t num_queries = queries.rows();
  if (num_queries < 0) {
    return InvalidArgument("num_queries is ", num_queries, ", but must be at least 0");
  }
  if (options.k < 1) return InvalidArgument("k is ", options.k, ", but must be at least 1");
  tfscann::SearchOptions internal;
  internal.k = options.k;
  const std::pair<const char*, int64_t> efforts[] = {
      {"num_leaves_to_search", options.num_leaves_to_search},
      {"num_reordering_candidates", options.num_reordering_candidates}};
  for (const auto& [name, value] : efforts) {
    if (value < 0) return InvalidArgument(name, " is ", value, ", but must be at least 0");
  }
  if (options.num_leaves_to_search > 0) {
    internal.num_leaves_to_search = options.num_leaves_to_search;
  }
  if (options.num_reordering_candidates > 0) {
    internal.num_reordering_candidates = options.num_reordering_candidates;
  }

  std::vector<int32_t> excluded;
  std::vector<int64_t> splits;
  if (!options.excluded_rows.empty()) {
    if (static_cast<int64_t>(options.excluded_rows.size()) != num_queries) {
      return InvalidArgument("excluded_rows has ", options.excluded_rows.size(), " lists for ",
                             num_queries, " queries");
    }
    splits.push_back(0);
    for (const std::vector<int32_t>& of_query : options.excluded_rows) {
      for (const int32_t row : of_query) {
        if (!has(row)) {
          return InvalidArgument("excluded_rows has row ", row, ", but must be in [0, ",
                                 index().parameters().num_candidates, ")");
        }
        excluded.push_back(row);
      }
      splits.push_back(static_cast<int64_t>(excluded.size()));
    }
  }
  if (num_queries == 0) return Status();
  const tfscann::BorrowedScratch scratch(&scratches);
  return ToPublic(index().Search(
      queries, internal, {{excluded.data(), excluded.size()}, {splits.data(), splits.size()}},
      scratch.get(), scores, rows));
}

int64_t Searcher::num_candidates() const { return state_->index().parameters().num_candidates; }

int64_t Searcher::dimensions() const { return state_->index().parameters().dimensions; }

DistanceMeasure Searcher::distance_measure() const {
  switch (state_->index().parameters().distance_measure) {
    case tfscann::DistanceMeasure::kDotProduct:
      return DistanceMeasure::kDotProduct;
    case tfscann::DistanceMeasure::kCosine:
      return DistanceMeasure::kCosine;
    case tfscann::DistanceMeasure::kSquaredL2:
      break;
  }
  return DistanceMeasure::kSquaredL2;
}

IdentifierType Searcher::identifier_type() const {
  switch (state_->identifiers().type()) {
    case tfscann::IdentifierType::kRowNumber:
    case tfscann::IdentifierType::kInt32:
      return IdentifierType::kInt32;
    case tfscann::IdentifierType::kInt64:
      return IdentifierType::kInt64;
    case tfscann::IdentifierType::kFloat32:
      return IdentifierType::kFloat32;
    case tfscann::IdentifierType::kFloat64:
      return IdentifierType::kFloat64;
    case tfscann::IdentifierType::kString:
      break;
  }
  return IdentifierType::kString;
}

std::string_view Searcher::StringIdentifier(int64_t row) const {
  const tfscann::Identifiers& identifiers = state_->identifiers();
  if (!state_->has(row) || identifiers.type() != tfscann::IdentifierType::kString) return {};
  return identifiers.Bytes(row);
}

int64_t Searcher::IntegerIdentifier(int64_t row) const {
  if (!state_->has(row)) return -1;
  const tfscann::Identifiers& identifiers = state_->identifiers();
  switch (identifiers.type()) {
    case tfscann::IdentifierType::kRowNumber:
      return row;
    case tfscann::IdentifierType::kInt32:
      return identifiers.Value<int32_t>(row);
    case tfscann::IdentifierType::kInt64:
      return identifiers.Value<int64_t>(row);
    default:
      return -1;
  }
}

double Searcher::FloatIdentifier(int64_t row) const {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  if (!state_->has(row)) return kNan;
  const tfscann::Identifiers& identifiers = state_->identifiers();
  switch (identifiers.type()) {
    case tfscann::IdentifierType::kFloat32:
      return identifiers.Value<float>(row);
    case tfscann::IdentifierType::kFloat64:
      return identifiers.Value<double>(row);
    default:
      return kNan;
  }
}

std::vector<int32_t> Searcher::FindRows(std::string_view identifier) const {
  if (state_->identifiers().type() != tfscann::IdentifierType::kString) return {};
  return state_->FindBytes(identifier);
}

std::vector<int32_t> Searcher::FindRows(int64_t identifier) const {
  const bool fits = identifier == static_cast<int32_t>(identifier);
  switch (state_->identifiers().type()) {
    case tfscann::IdentifierType::kRowNumber:
      if (!state_->has(identifier)) return {};
      return {static_cast<int32_t>(identifier)};
    case tfscann::IdentifierType::kInt32:
      if (!fits) return {};
      return state_->FindValue(static_cast<int32_t>(identifier));
    case tfscann::IdentifierType::kInt64:
      return state_->FindValue(identifier);
    default:
      return {};
  }
}

std::string Searcher::Describe() const { return tfscann::DescribeIndex(state_->file); }

}  // namespace tensorflow_scann
