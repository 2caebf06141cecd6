#include "cc/build/tuner.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <iterator>
#include <optional>
#include <unordered_set>
#include <vector>

#include "cc/build/leaf_demand.h"
#include "cc/build/leaves_of_rows.h"
#include "cc/build/lengths.h"
#include "cc/build/made_up_users.h"
#include "cc/build/sample.h"
#include "cc/kernels/kernels.h"
#include "cc/search/partitioner.h"
#include "cc/search/query.h"

namespace tfscann {
namespace {

constexpr char kStage[] = "measuring recall";
constexpr int64_t kMaxQueries = 512;
constexpr int64_t kMinQueries = 64;
// As many as can share leaves while every thread has some.
constexpr int64_t kQueryGrain = 64;
// Multiplications that the exact results may take.
constexpr double kExactBudget = 4e10;

// Reordering lists tried, in multiples of k.
constexpr int64_t kListLengths[] = {2, 3, 4, 6, 8, 12, 16, 24, 32};

// Queries, what they must not find, and what they should.
struct QuerySet {
  int64_t size = 0;
  std::vector<float> queries;
  std::vector<int32_t> excluded;
  std::vector<int64_t> splits;
  std::vector<int32_t> truth;
  double goal = 0;  // recall to be reached

  MatrixView<const float> View(int64_t begin, int64_t count, int64_t dims) const {
    return {queries.data() + begin * dims, count, dims};
  }
};

class Tuner {
 public:
  Tuner(const Index& index, MatrixView<const float> rows, MatrixView<const float> queries,
        const BuildConfig& config, const BuildContext& context)
      : index_(index), rows_(rows), config_(config), context_(context) {
    const double per_query = static_cast<double>(rows.rows()) * rows.cols();
    const int64_t affordable =
        std::max(kMinQueries, static_cast<int64_t>(kExactBudget / per_query));
    if (queries.rows() > 0) {
      k_ = std::min(config.k, rows.rows());
      AddGivenQueries(queries, std::min(kMaxTuningQueries, affordable));
      return;
    }
    k_ = std::min(config.k, std::max<int64_t>(1, rows.rows() - 1));
    const int64_t count = std::min(kMaxQueries, affordable);
    AddOwnRows(count);
    if (config.distance_measure == DistanceMeasure::kDotProduct &&
        LengthsDiffer(SampleLengths(rows))) {
      AddUsers(count / 2);
    }
  }

  Result<Tuning> Run() {
    TFSCANN_RETURN_IF_ERROR(FindTruth());
    IndexParts parts = index_.parts();
    TFSCANN_ASSIGN_OR_RETURN(parts.parameters.leaf_demand, MeasureLeafDemand());
    adapted_.emplace(parts, nullptr);
    const IndexParameters& parameters = index_.parameters();
    std::vector<int64_t> lists;
    if (config_.num_reordering_candidates.has_value()) {
      lists = {*config_.num_reordering_candidates};
    } else {
      for (const int64_t length : kListLengths) lists.push_back(length * config_.k);
    }
    Tuning best = {
        config_.num_leaves_to_search.value_or(parameters.num_leaves), lists.back(), -1, {}};
    double best_cost = -1;
    for (size_t i = 0; i < lists.size(); ++i) {
      TFSCANN_RETURN_IF_ERROR(context_.Report(kStage, i, lists.size()));
      // Longer lists only pay for themselves with fewer leaves.
      const int64_t most_leaves = config_.num_leaves_to_search.value_or(
          best_cost < 0 ? parameters.num_leaves : best.num_leaves_to_search);
      TFSCANN_ASSIGN_OR_RETURN(const Tuning found, FewestLeaves(lists[i], most_leaves));
      if (!reached_) {
        if (best_cost < 0 && found.measured_recall > best.measured_recall) best = found;
        continue;
      }
      const double cost = Cost(found);
      if (best_cost >= 0 && cost >= best_cost) continue;
      best = found;
      best_cost = cost;
    }
    TFSCANN_RETURN_IF_ERROR(context_.Report(kStage, lists.size(), lists.size()));
    best.leaf_demand = adapted_->parameters().leaf_demand;
    return best;
  }

 private:
  void AddGivenQueries(MatrixView<const float> queries, int64_t count) {
    QuerySet given;
    for (const int64_t i : SampleSorted(queries.rows(), count, context_.seed, kTuningSampleStage)) {
      given.queries.insert(given.queries.end(), queries.row(i), queries.row(i) + queries.cols());
      ++given.size;
    }
    given.splits.assign(given.size + 1, 0);
    given.goal = GoalFor(given.size);
    sets_.push_back(std::move(given));
  }

  void AddOwnRows(int64_t count) {
    QuerySet own;
    own.splits.push_back(0);
    for (const int64_t row : SampleSorted(rows_.rows(), count, context_.seed, kTuningSampleStage)) {
      own.queries.insert(own.queries.end(), rows_.row(row), rows_.row(row) + rows_.cols());
      own.excluded.push_back(static_cast<int32_t>(row));
      own.splits.push_back(++own.size);
    }
    own.goal = GoalFor(own.size);
    sets_.push_back(std::move(own));
  }

  // The target and a standard error on top: other queries shall reach the target too. A query's
  // results stand or fall together to a degree, hence the factor.
  double GoalFor(int64_t num_queries) const {
    const double target = config_.target_recall;
    const double trials = static_cast<double>(num_queries * k_);
    return std::min(1.0, target + std::sqrt(3 * target * (1 - target) / trials));
  }

  void AddUsers(int64_t count) {
    QuerySet users;
    users.size = count;
    users.queries.resize(count * rows_.cols());
    users.splits.assign(count + 1, 0);
    for (int64_t i = 0; i < count; ++i) {
      MakeUpUser(rows_, Random(context_.seed, kTuningUserStage, i),
                 users.queries.data() + i * rows_.cols());
    }
    users.goal = config_.target_recall;
    sets_.push_back(std::move(users));
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
    for (QuerySet& set : sets_) TFSCANN_RETURN_IF_ERROR(Search(exact, set, options, &set.truth));
    return Status();
  }

  // Where each query's neighbours stand in its ranking of all leaves, made into a LeafDemand.
  Result<LeafDemand> MeasureLeafDemand() {
    const IndexParts& parts = index_.parts();
    const int64_t num_leaves = parts.parameters.num_leaves;
    const std::vector<std::array<int32_t, 2>> leaves_of_row = LeavesOfRows(parts);
    const Partitioner partitioner(parts);
    std::vector<LeafDemandExample> examples;
    for (const QuerySet& set : sets_) {
      std::vector<LeafDemandExample> of_set(set.size);
      context_.executor->ParallelFor(set.size, kQueryGrain, [&](int64_t begin, int64_t end) {
        SearchScratch scratch;
        QueryState query;
        std::vector<int64_t> rank_of_leaf(num_leaves), ranks;
        for (int64_t q = begin; q < end; ++q) {
          PrepareQuery(parts, set.queries.data() + q * rows_.cols(), &query.query);
          partitioner.ChooseLeaves(num_leaves, num_leaves, &query, &scratch);
          for (int64_t rank = 0; rank < num_leaves; ++rank) {
            rank_of_leaf[query.chosen_leaves[rank].leaf] = rank;
          }
          ranks.clear();
          for (int64_t i = q * k_; i < (q + 1) * k_ && set.truth[i] >= 0; ++i) {
            const auto& [first, second] = leaves_of_row[set.truth[i]];
            ranks.push_back(std::min(rank_of_leaf[first], rank_of_leaf[second]));
          }
          of_set[q] = {query.leaf_statistics, ranks.empty() ? 0 : NeededLeaves(&ranks)};
        }
      });
      TFSCANN_RETURN_IF_ERROR(context_.CheckCancelled());
      std::copy_if(of_set.begin(), of_set.end(), std::back_inserter(examples),
                   [](const LeafDemandExample& example) { return example.needed > 0; });
    }
    return FitLeafDemand(examples);
  }

  Status Search(const Index& index, const QuerySet& set, const SearchOptions& options,
                std::vector<int32_t>* rows) {
    scores_.resize(set.size * k_);
    rows->resize(set.size * k_);
    context_.executor->ParallelFor(set.size, kQueryGrain, [&](int64_t begin, int64_t end) {
      const BorrowedScratch scratch(&scratches_);
      const int64_t size = end - begin;
      const Exclusions excluded = {set.excluded,
                                   {set.splits.data() + begin, static_cast<size_t>(size) + 1}};
      const Status status = index.Search(set.View(begin, size, rows_.cols()), options, excluded,
                                         scratch.get(), {scores_.data() + begin * k_, size, k_},
                                         {rows->data() + begin * k_, size, k_});
      assert(status.ok());
      (void)status;
    });
    return context_.CheckCancelled();
  }

  // Recall of the first set of queries; sets reached_ if every set of queries reaches its goal.
  Result<double> Recall(int64_t leaves, int64_t list) {
    SearchOptions options;
    options.k = k_;
    options.num_leaves_to_search = leaves;
    options.num_reordering_candidates = list;
    reached_ = true;
    double of_first = 0;
    for (const QuerySet& set : sets_) {
      TFSCANN_RETURN_IF_ERROR(Search(*adapted_, set, options, &found_));
      int64_t hits = 0, wanted = 0;
      for (int64_t i = 0; i < set.size; ++i) {
        const int32_t* truth = set.truth.data() + i * k_;
        const std::unordered_set<int32_t> expected(truth, std::find(truth, truth + k_, -1));
        wanted += static_cast<int64_t>(expected.size());
        for (int64_t j = 0; j < k_; ++j) hits += expected.count(found_[i * k_ + j]);
      }
      const double recall =
          wanted == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(wanted);
      reached_ = reached_ && recall >= set.goal;
      if (&set == &sets_.front()) of_first = recall;
    }
    return of_first;
  }

  // The fewest leaves, up to `most`, that reach the goals with this list; `most` if none do.
  Result<Tuning> FewestLeaves(int64_t list, int64_t most) {
    TFSCANN_ASSIGN_OR_RETURN(double recall, Recall(most, list));
    Tuning best = {most, list, recall, {}};
    if (config_.num_leaves_to_search.has_value() || !reached_) return best;
    int64_t too_few = 0;
    while (best.num_leaves_to_search - too_few > std::max<int64_t>(1, too_few / 32)) {
      const int64_t middle = too_few + (best.num_leaves_to_search - too_few) / 2;
      TFSCANN_ASSIGN_OR_RETURN(recall, Recall(middle, list));
      if (reached_) {
        best = {middle, list, recall, {}};
      } else {
        too_few = middle;
      }
    }
    reached_ = true;
    return best;
  }

  const Index& index_;
  std::optional<Index> adapted_;  // the same with its LeafDemand
  const MatrixView<const float> rows_;
  const BuildConfig& config_;
  const BuildContext& context_;
  int64_t k_;
  std::vector<QuerySet> sets_;  // the queries given; or rows, and perhaps users
  bool reached_ = false;        // by the last Recall
  std::vector<float> scores_;
  std::vector<int32_t> found_;
  ScratchPool scratches_;
};

}  // namespace

Result<Tuning> Tune(const Index& index, MatrixView<const float> rows,
                    MatrixView<const float> queries, const BuildConfig& config,
                    const BuildContext& context) {
  return Tuner(index, rows, queries, config, context).Run();
}

}  // namespace tfscann
