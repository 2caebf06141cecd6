#include "cc/search/partitioner.h"

#include <cmath>
#include <limits>

#include "cc/kernels/kernels.h"
#include "cc/search/int8_rows.h"

namespace tfscann {
namespace {

// Overflowing products may give NaN, which no order has a place for.
float NanToWorst(float score) {
  return score == score ? score : -std::numeric_limits<float>::infinity();
}

// Fills leaf_scores (the ranking) and leaf_biases.
void ScoreLeaves(const IndexParts& parts, SearchScratch* scratch) {
  const IndexParameters& parameters = parts.parameters;
  const int64_t num_leaves = parameters.num_leaves;
  const PreparedQuery& query = scratch->query;
  const Int8Rows centroids(parts.centroids.data(), parameters.dimensions);
  int32_t* dots = scratch->centroid_dots.Resize(num_leaves);
  ActiveKernels().int8_dot_rows(query.int8_values.data(), centroids.row(0), centroids.stride(),
                                num_leaves, parameters.dimensions, dots);

  float* scores = scratch->leaf_scores.Resize(RoundUp(num_leaves, 16));
  float* biases = scratch->leaf_biases.Resize(num_leaves);
  const float* radii = parts.leaf_radii.data();
  const float spread = kLeafSpread / std::sqrt(static_cast<float>(parameters.dimensions));
  if (parameters.distance_measure == DistanceMeasure::kSquaredL2) {
    for (int64_t leaf = 0; leaf < num_leaves; ++leaf) {
      const float product = dots[leaf] * (query.int8_scale * centroids.scale(leaf));
      biases[leaf] = 2 * product - centroids.squared_norm(leaf);
      const float squared = std::max(0.0f, query.norm * query.norm - biases[leaf]);
      scores[leaf] = NanToWorst(
          -(squared + radii[leaf] * radii[leaf] - 2 * spread * std::sqrt(squared) * radii[leaf]));
    }
  } else {
    for (int64_t leaf = 0; leaf < num_leaves; ++leaf) {
      biases[leaf] = dots[leaf] * (query.int8_scale * centroids.scale(leaf));
      scores[leaf] = NanToWorst(biases[leaf] + spread * query.norm * radii[leaf]);
    }
  }
  std::fill(scores + num_leaves, scores + RoundUp(num_leaves, 16),
            -std::numeric_limits<float>::infinity());
}

// A lower bound for the count-th largest score: as many disjoint groups as `count`, or more, have a
// maximum no smaller. Smaller groups give a closer bound and more maxima to choose from.
float ScoreBound(int64_t count, SearchScratch* scratch) {
  const int64_t size = static_cast<int64_t>(scratch->leaf_scores.size());
  const int64_t group = std::max<int64_t>(1, size / (16 * CeilDiv(3 * count, 16)));
  const int64_t whole = size / (16 * group) * (16 * group);
  const int64_t num_maxima = whole / group;
  if (group == 1 || num_maxima < count) return -std::numeric_limits<float>::infinity();
  float* maxima = scratch->leaf_maxima.Resize(num_maxima);
  ActiveKernels().group_maxima(scratch->leaf_scores.data(), whole, group, maxima);
  std::nth_element(maxima, maxima + count - 1, maxima + num_maxima, std::greater<float>());
  return maxima[count - 1];
}

}  // namespace

void ChooseLeaves(const IndexParts& parts, int64_t count, SearchScratch* scratch) {
  ScoreLeaves(parts, scratch);
  const int64_t num_leaves = parts.parameters.num_leaves;
  int32_t* indices = scratch->leaf_indices.Resize(num_leaves + 16);
  const int64_t num_indices = ActiveKernels().indices_at_least(
      scratch->leaf_scores.data(), num_leaves, ScoreBound(count, scratch), indices);

  TopKeys& top = scratch->top_leaves;
  top.Reset(count);
  for (int64_t i = 0; i < num_indices; ++i) {
    top.Add(MakeKey(scratch->leaf_scores[indices[i]], static_cast<uint32_t>(indices[i])));
  }
  const Span<ScoredKey> best = top.FinishSorted();
  ChosenLeaf* chosen = scratch->chosen_leaves.Resize(best.size());
  for (size_t i = 0; i < best.size(); ++i) {
    const int32_t leaf = static_cast<int32_t>(KeyItem(best[i]));
    chosen[i] = {leaf, scratch->leaf_biases[leaf]};
  }
}

}  // namespace tfscann
