#include "cc/build/query_directions.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cc/base/random.h"
#include "cc/build/config.h"
#include "cc/build/sample.h"
#include "cc/kernels/kernels.h"

namespace tfscann {
namespace {

constexpr int64_t kSampleRows = 2048;
// Of GloVe eight find 0.0003 more of the neighbours than four, one 0.0003 to 0.0008 less.
constexpr int64_t kMaxDirections = kMaxErrorDirections - 1;
constexpr int64_t kDimsPerDirection = 16;
constexpr int kIterations = 12;
// Where rows lie in few dimensions, and have nothing at right angles to these.
constexpr double kMostWeight = 100;

using Vector = std::vector<double>;

double Dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// At a length of 1, but for rows of zeros, which are left out.
std::vector<Vector> SampleUnitRows(MatrixView<const float> rows, uint64_t seed) {
  std::vector<Vector> units;
  for (const int64_t row : SampleSorted(rows.rows(), kSampleRows, seed, kQueryDirectionStage)) {
    Vector unit(rows.row(row), rows.row(row) + rows.cols());
    const double length = std::sqrt(Dot(unit, unit));
    if (length == 0) continue;
    for (double& value : unit) value /= length;
    units.push_back(std::move(unit));
  }
  return units;
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
  const std::vector<Vector> units = SampleUnitRows(rows, seed);
  const int64_t count = std::min(kMaxDirections, dims / kDimsPerDirection);
  if (units.empty() || count == 0) return {};

  // Orthogonal iteration.
  Random random(seed, kQueryDirectionStage, 1);
  std::vector<Vector> directions(count, Vector(dims));
  for (Vector& v : directions) {
    for (double& value : v) value = random.Uniform() - 0.5;
  }
  for (int i = 0; i < kIterations; ++i) {
    for (Vector& v : directions) v = Multiply(units, v);
    Orthonormalize(&directions);
  }

  std::vector<double> shares;  // of the mean square length
  for (const Vector& v : directions) {
    shares.push_back(Dot(v, Multiply(units, v)) / static_cast<double>(units.size()));
  }
  const double others = std::max(0.0, 1 - std::accumulate(shares.begin(), shares.end(), 0.0)) /
                        static_cast<double>(dims - count);
  QueryDirections found;
  for (int64_t i = 0; i < count; ++i) {
    const double more = shares[i] - others;
    if (more <= 0) continue;
    found.vectors.insert(found.vectors.end(), directions[i].begin(), directions[i].end());
    found.weights.push_back(
        static_cast<float>(more < kMostWeight * others ? more / others : kMostWeight));
  }
  return found;
}

}  // namespace tfscann
