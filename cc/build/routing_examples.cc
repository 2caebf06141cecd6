#include "cc/build/routing_examples.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "cc/base/random.h"
#include "cc/build/made_up_users.h"
#include "cc/build/sample.h"
#include "cc/search/scratch.h"

namespace tfscann {
namespace {

constexpr char kStage[] = "looking for neighbours";

// So many queries a leaf, within these bounds, and no more than so many values.
constexpr int64_t kPerLeaf = 64;
constexpr int64_t kLeast = int64_t{1} << 13, kMost = int64_t{1} << 18;
constexpr int64_t kMostValues = int64_t{1} << 26;

constexpr int64_t kMostNeighbours = 16;
// The effort that finds them: one leaf in so many, and a list that is so many times as long.
constexpr int64_t kShareOfLeaves = 12;
constexpr int64_t kListLength = 6;

constexpr int64_t kGrain = 512;
constexpr int64_t kReported = 16;  // such parts, after which progress is reported

class Maker {
 public:
  Maker(const Index& index, MatrixView<const float> rows, int64_t k, const BuildContext& context)
      : index_(index), rows_(rows), context_(context) {
    examples_.dims = rows.cols();
    examples_.k = std::min({k, kMostNeighbours, rows.rows() - 1});
  }

  Result<RoutingExamples> Make(MatrixView<const float> given) {
    AddQueries(given);
    examples_.neighbours.resize(examples_.size() * examples_.k);
    const int64_t parts = CeilDiv(examples_.size(), kGrain);
    for (int64_t part = 0; part < parts; part += kReported) {
      TFSCANN_RETURN_IF_ERROR(context_.Report(kStage, part, parts));
      const int64_t first = part * kGrain;
      const int64_t count = std::min(kReported * kGrain, examples_.size() - first);
      context_.executor->ParallelFor(count, kGrain, [&](int64_t begin, int64_t end) {
        FindNeighbours(first + begin, end - begin);
      });
    }
    TFSCANN_RETURN_IF_ERROR(context_.Report(kStage, parts, parts));
    return std::move(examples_);
  }

 private:
  void AddQueries(MatrixView<const float> given) {
    const uint64_t seed = context_.seed;
    const int64_t kinds = given.rows() > 0 ? 3 : 2;
    const int64_t wanted = std::clamp(kPerLeaf * index_.parameters().num_leaves, kLeast, kMost);
    const int64_t count = std::min(wanted, kMostValues / examples_.dims) / kinds;
    examples_.queries.reserve(kinds * count * examples_.dims);
    for (const int64_t i : SampleSorted(given.rows(), count, seed, kRoutingStage)) {
      Add(given.row(i), kNoRow);
    }
    for (const int64_t row : SampleSorted(rows_.rows(), count, seed, kRoutingStage)) {
      Add(rows_.row(row), static_cast<int32_t>(row));
    }
    std::vector<float> user(examples_.dims);
    for (int64_t i = 0; i < count; ++i) {
      MakeUpUser(rows_, Random(seed, kRoutingUserStage, i), user.data());
      Add(user.data(), kNoRow);
    }
  }

  void Add(const float* values, int32_t own_row) {
    double squared = 0;
    for (int64_t dim = 0; dim < examples_.dims; ++dim) squared += double{values[dim]} * values[dim];
    const double length = std::sqrt(squared);
    // The sum of a user's rows may overflow.
    if (!(length > 0) || !std::isfinite(length)) return;
    for (int64_t dim = 0; dim < examples_.dims; ++dim) {
      examples_.queries.push_back(static_cast<float>(values[dim] / length));
    }
    own_rows_.push_back(own_row);
  }

  void FindNeighbours(int64_t first, int64_t count) {
    const int64_t k = examples_.k;
    SearchOptions options;
    options.k = k;
    options.num_leaves_to_search = CeilDiv(index_.parameters().num_leaves, kShareOfLeaves);
    options.num_reordering_candidates = kListLength * k;
    std::vector<int32_t> excluded;
    std::vector<int64_t> splits = {0};
    for (int64_t i = first; i < first + count; ++i) {
      if (own_rows_[i] != kNoRow) excluded.push_back(own_rows_[i]);
      splits.push_back(static_cast<int64_t>(excluded.size()));
    }
    std::vector<float> scores(count * k);
    const BorrowedScratch scratch(&scratches_);
    const Status status =
        index_.Search({examples_.query(first), count, examples_.dims}, options,
                      Exclusions{excluded, splits}, scratch.get(), {scores.data(), count, k},
                      {examples_.neighbours.data() + first * k, count, k});
    assert(status.ok());
    (void)status;
  }

  static constexpr int32_t kNoRow = -1;

  const Index& index_;
  const MatrixView<const float> rows_;
  const BuildContext& context_;
  RoutingExamples examples_;
  std::vector<int32_t> own_rows_;  // what each query must not find
  ScratchPool scratches_;
};

}  // namespace

Span<const int32_t> RoutingExamples::Of(int64_t i) const {
  const int32_t* const first = neighbours.data() + i * k;
  return {first, static_cast<size_t>(std::find(first, first + k, -1) - first)};
}

Result<RoutingExamples> MakeRoutingExamples(const Index& index, MatrixView<const float> rows,
                                            MatrixView<const float> given, int64_t k,
                                            const BuildContext& context) {
  return Maker(index, rows, k, context).Make(given);
}

}  // namespace tfscann
