#include "cc/build/leaf_demand.h"

#include <algorithm>
#include <cmath>

namespace tfscann {
namespace {

// With fewer the weights would be chance.
constexpr size_t kMinExamples = 32;
// A query is given less than its whole share of what the regression says, which is only partly
// right. On the GloVe set any factor from 0.7 to 1 finds as much in as few candidates, and the
// lower ones keep the slowest queries nearer to the others.
constexpr double kConfidence = 0.75;
// Added to the diagonal of correlations: statistics that go hand in hand share their weight.
constexpr double kRidge = 1e-3;

struct Moments {
  double mean;
  double deviation;

  // Rounding is no variation.
  bool varies() const { return deviation > 1e-6 * std::fabs(mean); }
};

template <typename Get>
Moments MomentsOf(const std::vector<LeafDemandExample>& examples, const Get& get) {
  double sum = 0, squares = 0;
  for (const LeafDemandExample& example : examples) sum += get(example);
  const double mean = sum / static_cast<double>(examples.size());
  for (const LeafDemandExample& example : examples) {
    squares += (get(example) - mean) * (get(example) - mean);
  }
  return {mean, std::sqrt(squares / static_cast<double>(examples.size()))};
}

}  // namespace

int64_t NeededLeaves(std::vector<int64_t>* ranks) {
  const size_t most = ranks->size() - 1 - ranks->size() / 10;
  std::nth_element(ranks->begin(), ranks->begin() + most, ranks->end());
  return (*ranks)[most] + 1;
}

LeafDemand FitLeafDemand(std::vector<LeafDemandExample> examples) {
  // Those of a query of zeros are no numbers.
  examples.erase(std::remove_if(examples.begin(), examples.end(),
                                [](const LeafDemandExample& example) {
                                  return !std::isfinite(example.statistics.best) ||
                                         !std::isfinite(example.statistics.deviation);
                                }),
                 examples.end());
  if (examples.size() < kMinExamples) return {};
  const auto best = [](const LeafDemandExample& e) { return double{e.statistics.best}; };
  const auto deviation = [](const LeafDemandExample& e) { return double{e.statistics.deviation}; };
  const auto target = [](const LeafDemandExample& e) {
    return std::log(static_cast<double>(e.needed));
  };
  const Moments x = MomentsOf(examples, best), y = MomentsOf(examples, deviation);
  const Moments z = MomentsOf(examples, target);
  if (!z.varies()) return {};
  // Normal equations of the standardized statistics. One that does not vary explains nothing.
  double xy = 0, xz = 0, yz = 0;
  for (const LeafDemandExample& example : examples) {
    const double a = x.varies() ? (best(example) - x.mean) / x.deviation : 0;
    const double b = y.varies() ? (deviation(example) - y.mean) / y.deviation : 0;
    const double c = target(example) - z.mean;
    xy += a * b;
    xz += a * c;
    yz += b * c;
  }
  const double count = static_cast<double>(examples.size());
  xy /= count;
  xz /= count;
  yz /= count;
  const double diagonal = 1 + kRidge;
  const double determinant = diagonal * diagonal - xy * xy;
  const double confidence = kConfidence / determinant;
  const double best_weight = x.varies() ? confidence * (diagonal * xz - xy * yz) / x.deviation : 0;
  const double deviation_weight =
      y.varies() ? confidence * (diagonal * yz - xy * xz) / y.deviation : 0;

  LeafDemand demand;
  demand.best_weight = static_cast<float>(best_weight);
  demand.deviation_weight = static_cast<float>(deviation_weight);
  demand.intercept = static_cast<float>(-best_weight * x.mean - deviation_weight * y.mean);
  const auto is_finite = [&] {
    return std::isfinite(demand.best_weight) && std::isfinite(demand.deviation_weight) &&
           std::isfinite(demand.intercept);
  };
  // Bounds make the mean of the factors no simple function of the intercept.
  for (int round = 0; round < 8 && is_finite(); ++round) {
    double sum = 0;
    for (const LeafDemandExample& example : examples) sum += demand.Of(example.statistics);
    demand.intercept -= static_cast<float>(std::log(sum / count));
  }
  return is_finite() ? demand : LeafDemand();
}

}  // namespace tfscann
