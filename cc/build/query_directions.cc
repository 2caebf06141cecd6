#include "cc/build/query_directions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "cc/base/random.h"
#include "cc/build/config.h"
#include "cc/build/sample.h"
#include "cc/kernels/kernels.h"

namespace tfscann {
namespace {

// Rows of a sample, half to find directions with, half to measure what they have: fewer of many
// dimensions, so that neither the time nor the memory matters.
constexpr int64_t kMaxSampleRows = 4096, kMinSampleRows = 256, kSampleValues = 1 << 21;
// Of GloVe eight find 0.0001 to 0.0003 more of the neighbours than four, one 0.0003 to 0.0008 less.
constexpr int64_t kMaxDirections = kMaxErrorDirections - 1;
constexpr int64_t kDimsPerDirection = 16;
constexpr int kIterations = 12;
// Where rows lie in few dimensions, and have nothing at right angles to these, rounding apart.
constexpr double kMostWeight = 100;
constexpr double kLeastShare = 1e-6;

using Vector = std::vector<double>;

double Dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// Rows at a length of 1, dealt out to two halves. Those of zeros are left out.
std::array<std::vector<Vector>, 2> SampleUnitRows(MatrixView<const float> rows, uint64_t seed) {
  std::array<std::vector<Vector>, 2> halves;
  bool second = false;
  const int64_t count = std::clamp(kSampleValues / rows.cols(), kMinSampleRows, kMaxSampleRows);
  for (const int64_t row : SampleSorted(rows.rows(), count, seed, kQueryDirectionStage)) {
    Vector unit(rows.row(row), rows.row(row) + rows.cols());
    const double length = std::sqrt(Dot(unit, unit));
    if (length == 0) continue;
    for (double& value : unit) value /= length;
    halves[second ? 1 : 0].push_back(std::move(unit));
    second = !second;
  }
  return halves;
}

// Makes vectors orthonormal, each staying as near to itself as those before allow. One that has
// nothing of its own becomes zero.
void Orthonormalize(std::vector<Vector>* vectors) {
  constexpr double kNothing = 1e-9;
  for (auto v = vectors->begin(); v != vectors->end(); ++v) {
    const double before = std::sqrt(Dot(*v, *v));
    // The second time removes what rounding left.
    for (int time = 0; time < 2; ++time) {
      for (auto other = vectors->begin(); other != v; ++other) {
        const double along = Dot(*v, *other);
        for (size_t dim = 0; dim < v->size(); ++dim) (*v)[dim] -= along * (*other)[dim];
      }
    }
    const double length = std::sqrt(Dot(*v, *v));
    const double factor = length > kNothing * before ? 1 / length : 0;
    for (double& value : *v) value *= factor;
  }
}

// The sum of x (x . v) over the rows x: v times as many times their second moment.
Vector Multiply(const std::vector<Vector>& rows, const Vector& v) {
  Vector sum(v.size());
  for (const Vector& x : rows) {
    const double along = Dot(x, v);
    for (size_t dim = 0; dim < v.size(); ++dim) sum[dim] += along * x[dim];
  }
  return sum;
}

}  // namespace

QueryDirections FindQueryDirections(MatrixView<const float> rows, uint64_t seed) {
  const int64_t dims = rows.cols();
  const int64_t count = std::min(kMaxDirections, dims / kDimsPerDirection);
  if (count == 0) return {};
  const auto [to_find, to_measure] = SampleUnitRows(rows, seed);
  if (to_measure.empty()) return {};

  // Orthogonal iteration.
  Random random(seed, kQueryDirectionStage, 1);
  std::vector<Vector> directions(count, Vector(dims));
  for (Vector& v : directions) {
    for (double& value : v) value = random.Uniform() - 0.5;
  }
  for (int i = 0; i < kIterations; ++i) {
    for (Vector& v : directions) v = Multiply(to_find, v);
    Orthonormalize(&directions);
  }

  // Of the mean square length. By other rows, of which no direction has more for having been
  // chosen.
  std::vector<double> shares;
  for (const Vector& v : directions) {
    shares.push_back(Dot(v, Multiply(to_measure, v)) / static_cast<double>(to_measure.size()));
  }
  const double others = std::max(0.0, 1 - std::accumulate(shares.begin(), shares.end(), 0.0)) /
                        static_cast<double>(dims - count);
  QueryDirections found;
  for (int64_t i = 0; i < count; ++i) {
    const double more = shares[i] - others;
    if (more <= kLeastShare) continue;
    found.vectors.insert(found.vectors.end(), directions[i].begin(), directions[i].end());
    found.weights.push_back(
        static_cast<float>(more < kMostWeight * others ? more / others : kMostWeight));
  }
  return found;
}

}  // namespace tfscann
