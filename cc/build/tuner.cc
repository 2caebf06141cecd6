#include "cc/build/tuner.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "cc/build/sample.h"

namespace tfscann {
namespace {

constexpr char kStage[] = "measuring recall";
constexpr int64_t kMaxQueries = 512;
constexpr int64_t kMinQueries = 64;
constexpr int64_t kQueryGrain = 24;
// Multiplications that the exact results may take.
constexpr double kExactBudget = 4e10;

// Reordering lists tried, in multiples of k.
constexpr int64_t kListLengths[] = {2, 3, 4, 6, 8, 12, 16, 24, 32};

class Tuner {
 public:
  Tuner(const Index& index, MatrixView<const float> rows, const BuildConfig& config,
        const BuildContext& context)
      : index_(index), rows_(rows), config_(config), context_(context) {
    const double per_query = static_cast<double>(rows.rows()) * rows.cols();
    const int64_t affordable = static_cast<int64_t>(kExactBudget / per_query);
    const int64_t count = std::min(kMaxQueries, std::max(kMinQueries, affordable));
    for (const int64_t row : SampleSorted(rows.rows(), count, context.seed, kTuningSampleStage)) {
      own_rows_.push_back(static_cast<int32_t>(row));
    }
    k_ = std::min(config.k, std::max<int64_t>(1, rows.rows() - 1));
    queries_.resize(own_rows_.size() * rows.cols());
    for (size_t i = 0; i < own_rows_.size(); ++i) {
      std::copy_n(rows.row(own_rows_[i]), rows.cols(), queries_.data() + i * rows.cols());
      splits_.push_back(static_cast<int64_t>(i));
    }
    splits_.push_back(static_cast<int64_t>(own_rows_.size()));
  }

  Result<Tuning> Run() {
    TFSCANN_RETURN_IF_ERROR(FindTruth());
    const IndexParameters& parameters = index_.parameters();
    std::vector<int64_t> lists;
    if (config_.num_reordering_candidates.has_value()) {
      lists = {*config_.num_reordering_candidates};
    } else {
      for (const int64_t length : kListLengths) lists.push_back(length * config_.k);
    }
    Tuning best = {config_.num_leaves_to_search.value_or(parameters.num_leaves), lists.back(), -1};
    double best_cost = -1;
    for (size_t i = 0; i < lists.size(); ++i) {
      TFSCANN_RETURN_IF_ERROR(context_.Report(kStage, i, lists.size()));
      // Longer lists only pay for themselves with fewer leaves.
      const int64_t most_leaves = config_.num_leaves_to_search.value_or(
          best_cost < 0 ? parameters.num_leaves : best.num_leaves_to_search);
      TFSCANN_ASSIGN_OR_RETURN(const Tuning found, FewestLeaves(lists[i], most_leaves));
      if (found.measured_recall < Goal()) {
        if (best_cost < 0 && found.measured_recall > best.measured_recall) best = found;
        continue;
      }
      const double cost = Cost(found);
      if (best_cost >= 0 && cost >= best_cost) continue;
      best = found;
      best_cost = cost;
    }
    TFSCANN_RETURN_IF_ERROR(context_.Report(kStage, lists.size(), lists.size()));
    return best;
  }

 private:
  // The target, and a standard error of the measurement on top of it: other queries shall reach it
  // too. A query's results stand or fall together to a degree, hence the factor.
  double Goal() const {
    const double target = config_.target_recall;
    const double trials = static_cast<double>(own_rows_.size() * k_);
    return std::min(1.0, target + std::sqrt(3 * target * (1 - target) / trials));
  }

  // Nanoseconds of a query on a typical machine: what scanning and reordering were measured to
  // take, in their proportion.
  double Cost(const Tuning& tuning) const {
    const IndexParameters& parameters = index_.parameters();
    const double copies = parameters.soar ? 2 : 1;
    const double scanned =
        copies * parameters.num_candidates / parameters.num_leaves * tuning.num_leaves_to_search;
    return scanned * 0.015 * parameters.num_code_blocks() + 100.0 * tuning.num_leaves_to_search +
           tuning.num_reordering_candidates * (30 + 0.3 * parameters.dimensions);
  }

  Status FindTruth() {
    IndexParts parts;
    parts.parameters.distance_measure = index_.parameters().distance_measure;
    parts.parameters.num_candidates = rows_.rows();
    parts.parameters.dimensions = rows_.cols();
    parts.rows = {rows_.data(), static_cast<size_t>(rows_.rows() * rows_.cols())};
    const Index exact(parts, nullptr);
    SearchOptions options;
    options.k = k_;
    return Search(exact, options, &true_scores_, &true_rows_);
  }

  Status Search(const Index& index, const SearchOptions& options, std::vector<float>* scores,
                std::vector<int32_t>* rows) {
    const int64_t count = static_cast<int64_t>(own_rows_.size());
    scores->resize(count * k_);
    rows->resize(count * k_);
    context_.executor->ParallelFor(count, kQueryGrain, [&](int64_t begin, int64_t end) {
      std::unique_ptr<SearchScratch> scratch = scratches_.Take();
      const int64_t size = end - begin;
      const Exclusions own = {own_rows_, {splits_.data() + begin, static_cast<size_t>(size) + 1}};
      const Status status = index.Search(
          MatrixView<const float>(queries_.data() + begin * rows_.cols(), size, rows_.cols()),
          options, own, scratch.get(), {scores->data() + begin * k_, size, k_},
          {rows->data() + begin * k_, size, k_});
      assert(status.ok());
      (void)status;
      scratches_.Return(std::move(scratch));
    });
    return context_.executor->cancelled() ? Cancelled() : Status();
  }

  Result<double> Recall(int64_t leaves, int64_t list) {
    SearchOptions options;
    options.k = k_;
    options.num_leaves_to_search = leaves;
    options.num_reordering_candidates = list;
    TFSCANN_RETURN_IF_ERROR(Search(index_, options, &scores_, &found_));
    int64_t hits = 0, wanted = 0;
    for (size_t i = 0; i < own_rows_.size(); ++i) {
      const int32_t* truth = true_rows_.data() + i * k_;
      const std::unordered_set<int32_t> expected(truth, std::find(truth, truth + k_, -1));
      wanted += static_cast<int64_t>(expected.size());
      for (int64_t j = 0; j < k_; ++j) hits += expected.count(found_[i * k_ + j]);
    }
    return wanted == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(wanted);
  }

  // The fewest leaves, up to `most`, that reach the goal with this list; `most` if none do.
  Result<Tuning> FewestLeaves(int64_t list, int64_t most) {
    TFSCANN_ASSIGN_OR_RETURN(double recall, Recall(most, list));
    Tuning best = {most, list, recall};
    if (config_.num_leaves_to_search.has_value() || recall < Goal()) return best;
    int64_t too_few = 0;
    while (best.num_leaves_to_search - too_few > std::max<int64_t>(1, too_few / 32)) {
      const int64_t middle = too_few + (best.num_leaves_to_search - too_few) / 2;
      TFSCANN_ASSIGN_OR_RETURN(recall, Recall(middle, list));
      if (recall >= Goal()) {
        best = {middle, list, recall};
      } else {
        too_few = middle;
      }
    }
    return best;
  }

  const Index& index_;
  const MatrixView<const float> rows_;
  const BuildConfig& config_;
  const BuildContext& context_;
  int64_t k_;
  std::vector<int32_t> own_rows_;  // of the queries
  std::vector<int64_t> splits_;
  std::vector<float> queries_;
  std::vector<float> true_scores_, scores_;
  std::vector<int32_t> true_rows_, found_;
  ScratchPool scratches_;
};

}  // namespace

Result<Tuning> Tune(const Index& index, MatrixView<const float> rows, const BuildConfig& config,
                    const BuildContext& context) {
  return Tuner(index, rows, config, context).Run();
}

}  // namespace tfscann
