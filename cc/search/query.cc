#include "cc/search/query.h"

#include <algorithm>
#include <cmath>

#include "cc/search/int8_rows.h"

namespace tfscann {
namespace {

double SquaredNorm(const float* x, int64_t dims) {
  double sums[4] = {};
  int64_t i = 0;
  for (; i + 4 <= dims; i += 4) {
    for (int lane = 0; lane < 4; ++lane)
      sums[lane] += static_cast<double>(x[i + lane]) * x[i + lane];
  }
  for (; i < dims; ++i) sums[0] += static_cast<double>(x[i]) * x[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

void Normalize(float* x, int64_t dims) {
  const double norm = std::sqrt(SquaredNorm(x, dims));
  if (norm == 0) return;
  for (int64_t i = 0; i < dims; ++i) x[i] = static_cast<float>(x[i] / norm);
}

void PadQuery(const IndexParameters& parameters, const float* query, float* padded) {
  const int64_t dims = parameters.dimensions;
  std::copy(query, query + dims, padded);
  std::fill(padded + dims, padded + RoundUp(dims, 16), 0.0f);
  if (parameters.distance_measure == DistanceMeasure::kCosine) Normalize(padded, dims);
}

void PrepareQuery(const IndexParts& parts, const float* query, PreparedQuery* prepared) {
  const IndexParameters& parameters = parts.parameters;
  const int64_t dims = parameters.dimensions;
  // The codebooks' last block may reach behind the last dimension.
  const int64_t padded_dims = RoundUp(dims, 16) + RoundUp(parameters.dimensions_per_block, 16);
  float* values = prepared->values.Resize(padded_dims);
  prepared->values.Zero();
  PadQuery(parameters, query, values);

  const float* relative = values;
  if (parameters.distance_measure == DistanceMeasure::kSquaredL2) {
    float* centered = prepared->centered.Resize(padded_dims);
    prepared->centered.Zero();
    for (int64_t i = 0; i < dims; ++i) centered[i] = values[i] - parts.center[i];
    relative = centered;
  }
  prepared->norm = static_cast<float>(std::sqrt(SquaredNorm(relative, dims)));
  const int64_t int8_dims = RoundUp(dims, 64);
  prepared->int8_scale =
      QuantizeInt8(relative, dims, int8_dims, prepared->int8_values.Resize(int8_dims));
}

}  // namespace tfscann
