#include "cc/build/routing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "cc/base/aligned_buffer.h"
#include "cc/base/finite.h"
#include "cc/base/random.h"
#include "cc/build/leaves_of_rows.h"
#include "cc/build/lengths.h"
#include "cc/build/routing_examples.h"
#include "cc/search/int8_rows.h"
#include "cc/search/packed_matrix.h"
#include "cc/search/partitioner.h"

namespace tfscann {
namespace {

constexpr char kStage[] = "learning to rank leaves";

// One example in so many is kept for asking whether leaves are ranked better than before, by a
// share of the cost that is no chance.
constexpr int64_t kCheckedShare = 32;
constexpr double kLeastGain = 0.02;

// Two passes over the examples, in some hundred steps or more of at most kMaxBatch queries, by Adam
// (Kingma and Ba, ICLR 2015), whose rate falls to 0. In units of the mean length of a row.
constexpr int64_t kPasses = 2;
constexpr int64_t kMinSteps = 256;
constexpr int64_t kMaxBatch = 512;
constexpr float kTemperature = 20;  // t
constexpr double kRate = 0.06;      // over sqrt(dimensions)
constexpr float kMomentum = 0.9f, kSquaresMomentum = 0.99f;
// Probabilities that are smaller, relative to that of the best leaf, count as none.
constexpr float kLeastLogarithm = -7;
constexpr int64_t kBatchGrain = 2 * kProductRows;
constexpr int64_t kLeafGrain = 64;

// Numbers that are moved, and the running means of their gradients and of the squares of those.
struct Moved {
  std::vector<float> value, mean, squares;

  explicit Moved(int64_t size) : value(size), mean(size), squares(size) {}
};

// One step of Adam.
class AdamStep {
 public:
  AdamStep(int64_t step, int64_t steps, double rate) {
    const double done = static_cast<double>(step + 1);
    mean_scale_ = static_cast<float>(1 / (1 - std::pow(kMomentum, done)));
    squares_scale_ = static_cast<float>(1 / (1 - std::pow(kSquaresMomentum, done)));
    rate_ = static_cast<float>(rate * (1 - done / static_cast<double>(steps)));
  }

  // Moves [begin, begin + count) against the gradient.
  void Move(const float* gradient, int64_t begin, int64_t count, Moved* moved) const {
    constexpr float kEpsilon = 1e-8f;
    float* const value = moved->value.data() + begin;
    float* const mean = moved->mean.data() + begin;
    float* const squares = moved->squares.data() + begin;
    for (int64_t i = 0; i < count; ++i) {
      const float g = gradient[i];
      mean[i] = kMomentum * mean[i] + (1 - kMomentum) * g;
      squares[i] = kSquaresMomentum * squares[i] + (1 - kSquaresMomentum) * g * g;
      value[i] -=
          rate_ * (mean[i] * mean_scale_) / (std::sqrt(squares[i] * squares_scale_) + kEpsilon);
    }
  }

 private:
  float mean_scale_, squares_scale_, rate_;
};

class Learner {
 public:
  // `unit`: the mean length of a row.
  Learner(const IndexParts& parts, double unit, const RoutingExamples& examples,
          const BuildContext& context)
      : parts_(parts),
        unit_(unit),
        examples_(examples),
        context_(context),
        dims_(parts.parameters.dimensions),
        num_leaves_(parts.parameters.num_leaves),
        leaves_of_row_(LeavesOfRows(parts)),
        vectors_(num_leaves_ * dims_),
        offsets_(num_leaves_),
        batch_(kMaxBatch * dims_),
        pulls_(kMaxBatch) {
    const Int8Rows centroids(parts_.centroids.data(), dims_);
    const float spread = LeafSpreadOf(parts_);
    for (int64_t leaf = 0; leaf < num_leaves_; ++leaf) {
      float* const vector = vectors_.value.data() + leaf * dims_;
      centroids.Dequantize(leaf, vector);
      for (int64_t dim = 0; dim < dims_; ++dim) vector[dim] = ToFiniteFloat(vector[dim] / unit_);
      offsets_.value[leaf] = ToFiniteFloat(spread * parts_.leaf_radii[leaf] / unit_);
    }
    for (int64_t i = 0; i < examples_.size(); ++i) {
      (i % kCheckedShare == 0 ? checked_ : order_).push_back(i);
    }
  }

  Result<Routing> Run() {
    const double before = CostNeeded();
    const int64_t count = static_cast<int64_t>(order_.size());
    const int64_t batch_size = std::clamp<int64_t>(kPasses * count / kMinSteps, 1, kMaxBatch);
    const int64_t batches = CeilDiv(count, batch_size);
    const int64_t steps = kPasses * batches;
    for (int64_t step = 0; step < steps; ++step) {
      TFSCANN_RETURN_IF_ERROR(context_.Report(kStage, step, steps));
      if (step % batches == 0) Shuffle(step / batches);
      const int64_t begin = step % batches * batch_size;
      Step(begin, std::min(batch_size, count - begin), AdamStep(step, steps, Rate()));
    }
    SubtractCosts();
    const double after = CostNeeded();
    TFSCANN_RETURN_IF_ERROR(context_.Report(kStage, steps, steps));
    if (!(after < (1 - kLeastGain) * before)) return Routing();
    for (Moved* moved : {&vectors_, &offsets_}) {
      for (float& value : moved->value) value = ToFiniteFloat(value * unit_);
    }
    return Routing{std::move(vectors_.value), std::move(offsets_.value)};
  }

 private:
  // What a leaf's score should change by for a query of the batch.
  struct Pull {
    int32_t leaf;
    float weight;
  };

  double Rate() const { return kRate / std::sqrt(static_cast<double>(dims_)); }

  void Shuffle(int64_t pass) {
    Random random(context_.seed, kRoutingOrderStage, pass);
    for (size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random.Below(i)]);
  }

  PackedMatrix Columns() const {
    return PackedMatrix({vectors_.value.data(), num_leaves_, dims_}, /*nearest=*/false);
  }

  // From products to scores: q.v + o. None is NaN.
  void AddOffsets(float* scores) const {
    for (int64_t leaf = 0; leaf < num_leaves_; ++leaf) {
      const float score = scores[leaf] + offsets_.value[leaf];
      scores[leaf] = score == score ? score : -std::numeric_limits<float>::infinity();
    }
  }

  void Step(int64_t begin, int64_t count, const AdamStep& adam) {
    const PackedMatrix columns = Columns();
    context_.executor->ParallelFor(count, kBatchGrain, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        std::copy_n(examples_.query(order_[begin + i]), dims_, batch_.data() + i * dims_);
      }
      std::vector<float> scores(kProductRows * columns.padded_count());
      for (int64_t i = first; i < last; i += kProductRows) {
        const int64_t size = std::min(kProductRows, last - i);
        columns.Multiply({batch_.data() + i * dims_, size, dims_}, scores.data());
        for (int64_t j = 0; j < size; ++j) {
          FindPulls(examples_.Of(order_[begin + i + j]), scores.data() + j * columns.padded_count(),
                    &pulls_[i + j]);
        }
      }
    });
    // By leaf, in the order of the queries: the sums do not depend on threads.
    std::vector<int64_t> ends(num_leaves_ + 1);
    for (int64_t i = 0; i < count; ++i) {
      for (const Pull& pull : pulls_[i]) ++ends[pull.leaf + 1];
    }
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    std::vector<int64_t> next(ends.begin(), ends.end() - 1);
    by_leaf_.resize(ends.back());
    for (int64_t i = 0; i < count; ++i) {
      for (const Pull& pull : pulls_[i]) {
        by_leaf_[next[pull.leaf]++] = {static_cast<int32_t>(i), pull.weight};
      }
    }
    const float scale = kTemperature / static_cast<float>(count);
    context_.executor->ParallelFor(num_leaves_, kLeafGrain, [&](int64_t first, int64_t last) {
      std::vector<float> gradient(dims_);
      for (int64_t leaf = first; leaf < last; ++leaf) {
        std::fill(gradient.begin(), gradient.end(), 0.0f);
        float of_offset = 0;
        for (int64_t i = ends[leaf]; i < ends[leaf + 1]; ++i) {
          const float weight = by_leaf_[i].second * scale;
          const float* const values = batch_.data() + by_leaf_[i].first * dims_;
          of_offset += weight;
          for (int64_t dim = 0; dim < dims_; ++dim) gradient[dim] += weight * values[dim];
        }
        adam.Move(gradient.data(), leaf * dims_, dims_, &vectors_);
        adam.Move(&of_offset, leaf, 1, &offsets_);
      }
    });
  }

  // The gradient of a query's loss by the leaves' scores, but for the factor t: p minus the share
  // of the neighbours that each leaf is to answer for. `scores` are overwritten.
  void FindPulls(Span<const int32_t> neighbours, float* scores, std::vector<Pull>* pulls) const {
    pulls->clear();
    if (neighbours.empty()) return;
    AddOffsets(scores);
    const float best = *std::max_element(scores, scores + num_leaves_);
    float sum = 0;
    for (int64_t leaf = 0; leaf < num_leaves_; ++leaf) {
      const float logarithm = kTemperature * (scores[leaf] - best);
      if (!(logarithm > kLeastLogarithm)) continue;
      pulls->push_back({static_cast<int32_t>(leaf), std::exp(logarithm)});
      sum += pulls->back().weight;
    }
    for (Pull& pull : *pulls) pull.weight /= sum;
    const float share = 1.0f / static_cast<float>(neighbours.size());
    for (const int32_t row : neighbours) {
      const auto& [one, other] = leaves_of_row_[row];
      if (one == other) {
        pulls->push_back({one, -share});
        continue;
      }
      const float of_one = 1 / (1 + std::exp(kTemperature * (scores[other] - scores[one])));
      pulls->push_back({one, -share * of_one});
      pulls->push_back({other, -share * (1 - of_one)});
    }
  }

  double CostOf(int64_t leaf) const { return kLeafStart + parts_.leaf_sizes[leaf]; }

  void SubtractCosts() {
    double mean = 0;
    for (int64_t leaf = 0; leaf < num_leaves_; ++leaf) {
      mean += CostOf(leaf) / static_cast<double>(num_leaves_);
    }
    for (int64_t leaf = 0; leaf < num_leaves_; ++leaf) {
      offsets_.value[leaf] -= static_cast<float>(std::log(CostOf(leaf) / mean)) / kTemperature;
    }
  }

  // The cost of the leaves up to the one after which a query has found nine tenths of its
  // neighbours: the geometric mean for the examples that are not learned from.
  double CostNeeded() const {
    const PackedMatrix columns = Columns();
    const int64_t count = static_cast<int64_t>(checked_.size());
    std::vector<double> logarithms(count);
    context_.executor->ParallelFor(count, kBatchGrain, [&](int64_t begin, int64_t end) {
      std::vector<float> scores(columns.padded_count());
      std::vector<int32_t> ranking(num_leaves_);
      std::vector<double> costs(num_leaves_), needed;
      for (int64_t i = begin; i < end; ++i) {
        columns.Multiply({examples_.query(checked_[i]), 1, dims_}, scores.data());
        AddOffsets(scores.data());
        std::iota(ranking.begin(), ranking.end(), 0);
        std::stable_sort(ranking.begin(), ranking.end(),
                         [&](int32_t a, int32_t b) { return scores[a] > scores[b]; });
        double sum = 0;
        for (const int32_t leaf : ranking) costs[leaf] = sum += CostOf(leaf);
        needed.clear();
        for (const int32_t row : examples_.Of(checked_[i])) {
          const auto& [one, other] = leaves_of_row_[row];
          needed.push_back(std::min(costs[one], costs[other]));
        }
        std::sort(needed.begin(), needed.end());
        if (!needed.empty()) logarithms[i] = std::log(needed[(needed.size() - 1) * 9 / 10]);
      }
    });
    const double sum = std::accumulate(logarithms.begin(), logarithms.end(), 0.0);
    return std::exp(sum / static_cast<double>(std::max<int64_t>(1, count)));
  }

  const IndexParts& parts_;
  const double unit_;
  const RoutingExamples& examples_;
  const BuildContext& context_;
  const int64_t dims_;
  const int64_t num_leaves_;
  const std::vector<std::array<int32_t, 2>> leaves_of_row_;

  std::vector<int64_t> order_;    // of the examples that are learned from
  std::vector<int64_t> checked_;  // the other examples
  Moved vectors_, offsets_;
  AlignedBuffer<float> batch_;
  std::vector<std::vector<Pull>> pulls_;  // of each query of the batch
  std::vector<std::pair<int32_t, float>> by_leaf_;
};

}  // namespace

Result<Routing> LearnRouting(const Index& index, MatrixView<const float> rows,
                             MatrixView<const float> queries, int64_t k,
                             const BuildContext& context) {
  const double unit = MeanLength(SampleLengths(rows));
  // Lengths that a float does not hold: nothing can be learned.
  if (!std::isnormal(ToFiniteFloat(unit)) || unit > std::numeric_limits<float>::max()) {
    return Routing();
  }
  TFSCANN_ASSIGN_OR_RETURN(const RoutingExamples examples,
                           MakeRoutingExamples(index, rows, queries, k, context));
  return Learner(index.parts(), unit, examples, context).Run();
}

}  // namespace tfscann
