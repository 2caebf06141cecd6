#include "cc/search/partitioner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "cc/kernels/kernels.h"
#include "cc/search/int8_rows.h"

namespace tfscann {
namespace {

// Maxima among which the bound is looked for, in multiples of the leaves to be chosen: with more of
// them the bound is closer, and takes longer to find.
constexpr int64_t kMaximaPerLeaf = 4;

// A lower bound for the count-th largest score: as many disjoint groups as `count`, or more, have a
// maximum no smaller.
float ScoreBound(int64_t count, SearchScratch* scratch) {
  const int64_t size = static_cast<int64_t>(scratch->leaf_scores.size());
  const int64_t group = std::max<int64_t>(1, size / (16 * CeilDiv(kMaximaPerLeaf * count, 16)));
  const int64_t num_maxima = size / (16 * group) * 16;
  if (num_maxima < count) return -std::numeric_limits<float>::infinity();
  float* maxima = scratch->leaf_maxima.Resize(num_maxima);
  ActiveKernels().group_maxima(scratch->leaf_scores.data(), num_maxima * group, group, maxima);
  return ActiveKernels().bound_of_largest(maxima, num_maxima, count);
}

}  // namespace

Partitioner::Partitioner(const IndexParts& parts)
    : distance_measure_(parts.parameters.distance_measure),
      num_leaves_(parts.parameters.num_leaves),
      padded_leaves_(RoundUp(num_leaves_, kInt8PackedRows)),
      padded_dims_(RoundUp(parts.parameters.dimensions, 4)),
      spread_(kLeafSpread / std::sqrt(static_cast<float>(parts.parameters.dimensions))),
      demand_(parts.parameters.leaf_demand) {
  const Int8Rows centroids(parts.centroids.data(), parts.parameters.dimensions);
  packed_.Resize(padded_leaves_ * padded_dims_);
  packed_.Zero();
  for (AlignedBuffer<float>* values : {&scales_, &squared_norms_, &radii_}) {
    values->Resize(padded_leaves_);
    values->Zero();
  }
  for (int64_t leaf = 0; leaf < num_leaves_; ++leaf) {
    const int64_t group = leaf / kInt8PackedRows, place = leaf % kInt8PackedRows;
    int8_t* const to = packed_.data() + group * kInt8PackedRows * padded_dims_ + place * 4;
    for (int64_t dim = 0; dim < padded_dims_; dim += 4) {
      std::memcpy(to + dim * kInt8PackedRows, centroids.row(leaf) + dim, 4);
    }
    scales_[leaf] = centroids.scale(leaf);
    squared_norms_[leaf] = centroids.squared_norm(leaf);
    radii_[leaf] = parts.leaf_radii[leaf];
  }
}

void Partitioner::RankLeaves(const PreparedQuery& query, const int32_t* dots,
                             SearchScratch* scratch) const {
  float* const scores = scratch->leaf_scores.Resize(padded_leaves_);
  float* const biases = scratch->leaf_biases.Resize(padded_leaves_);
  if (distance_measure_ == DistanceMeasure::kSquaredL2) {
    ActiveKernels().rank_by_distance(dots, scales_.data(), squared_norms_.data(), radii_.data(),
                                     query.int8_scale, query.norm * query.norm, spread_,
                                     padded_leaves_, biases, scores);
  } else {
    ActiveKernels().rank_by_product(dots, scales_.data(), radii_.data(), query.int8_scale,
                                    spread_ * query.norm, padded_leaves_, biases, scores);
  }
  std::fill(scores + num_leaves_, scores + padded_leaves_, -std::numeric_limits<float>::infinity());
}

LeafStatistics Partitioner::StatisticsOf(const PreparedQuery& query, const float* scores) const {
  LeafStatistics statistics;
  const float scale = distance_measure_ == DistanceMeasure::kSquaredL2 ? 1 : 1 / query.norm;
  ActiveKernels().largest_and_deviation(scores, num_leaves_, scale, &statistics.best,
                                        &statistics.deviation);
  return statistics;
}

int64_t Partitioner::NumLeavesFor(const LeafStatistics& statistics, int64_t count) const {
  if (count >= num_leaves_) return num_leaves_;
  const float leaves = std::nearbyint(static_cast<float>(count) * demand_.Of(statistics));
  return std::clamp<int64_t>(static_cast<int64_t>(leaves), 1, num_leaves_);
}

void Partitioner::ChooseLeaves(int64_t count, QueryState* queries, int64_t num_queries,
                               SearchScratch* scratch) const {
  const int8_t* int8_queries[kPartitionBatch];
  int32_t* dots[kPartitionBatch];
  // Room for queries harder than those before, so that none of them allocates.
  const int64_t most =
      std::min(num_leaves_, static_cast<int64_t>(LeafDemand::kMost * static_cast<float>(count)));
  scratch->leaf_maxima.Resize(padded_leaves_);
  scratch->top_leaves.Reset(most);
  scratch->top_leaves.Reserve(2 * most);
  scratch->centroid_dots.Resize(num_queries * padded_leaves_);
  for (int64_t q = 0; q < num_queries; ++q) {
    int8_queries[q] = queries[q].query.int8_values.data();
    dots[q] = scratch->centroid_dots.data() + q * padded_leaves_;
  }
  ActiveKernels().int8_dot_packed(int8_queries, num_queries, packed_.data(),
                                  padded_leaves_ / kInt8PackedRows, padded_dims_, dots);

  for (int64_t q = 0; q < num_queries; ++q) {
    RankLeaves(queries[q].query, dots[q], scratch);
    const float* const scores = scratch->leaf_scores.data();
    queries[q].leaf_statistics = StatisticsOf(queries[q].query, scores);
    const int64_t wanted = NumLeavesFor(queries[q].leaf_statistics, count);
    int32_t* const indices = scratch->leaf_indices.Resize(num_leaves_ + 16);
    const int64_t num_indices =
        ActiveKernels().indices_at_least(scores, num_leaves_, ScoreBound(wanted, scratch), indices);
    TopKeys& top = scratch->top_leaves;
    top.Reset(wanted);
    for (int64_t i = 0; i < num_indices; ++i) {
      top.Add(MakeKey(scores[indices[i]], static_cast<uint32_t>(indices[i])));
    }
    const Span<ScoredKey> best = top.FinishSorted();
    queries[q].chosen_leaves.Resize(most);
    ChosenLeaf* const chosen = queries[q].chosen_leaves.Resize(best.size());
    for (size_t i = 0; i < best.size(); ++i) {
      const int32_t leaf = static_cast<int32_t>(KeyItem(best[i]));
      chosen[i] = {leaf, scratch->leaf_biases[leaf]};
    }
  }
}

}  // namespace tfscann
