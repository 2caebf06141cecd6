#include "cc/search/partitioner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "cc/base/finite.h"
#include "cc/kernels/kernels.h"
#include "cc/search/int8_rows.h"

namespace tfscann {
namespace {

constexpr float kWorst = -std::numeric_limits<float>::infinity();

// Maxima among which the bound is looked for, in multiples of the leaves to be chosen: with more of
// them the bound is closer, and takes longer to find.
constexpr int64_t kMaximaPerLeaf = 4;

// A lower bound for the count-th largest score: as many disjoint groups as `count`, or more, have a
// maximum no smaller.
float ScoreBound(int64_t count, SearchScratch* scratch) {
  const int64_t size = static_cast<int64_t>(scratch->leaf_scores.size());
  const int64_t group = std::max<int64_t>(1, size / (16 * CeilDiv(kMaximaPerLeaf * count, 16)));
  const int64_t num_maxima = size / (16 * group) * 16;
  if (num_maxima < count) return kWorst;
  float* maxima = scratch->leaf_maxima.Resize(num_maxima);
  ActiveKernels().group_maxima(scratch->leaf_scores.data(), num_maxima * group, group, maxima);
  return ActiveKernels().bound_of_largest(maxima, num_maxima, count);
}

// The largest of the scores, and their standard deviation.
LeafStatistics StatisticsOf(DistanceMeasure distance_measure, const PreparedQuery& query,
                            const float* scores, int64_t count) {
  LeafStatistics statistics;
  const float scale = distance_measure == DistanceMeasure::kSquaredL2 ? 1 : 1 / query.norm;
  ActiveKernels().largest_and_deviation(scores, count, scale, &statistics.best,
                                        &statistics.deviation);
  return statistics;
}

}  // namespace

float LeafSpreadOf(const IndexParts& parts) {
  float deviations = kLeafSpread;
  if (parts.parameters.distance_measure == DistanceMeasure::kSquaredL2) {
    deviations = parts.leaf_norm_terms.empty() ? kLeafSpreadWithoutTerms : kLeafSpreadSquaredL2;
  }
  return std::min(kMostSpread,
                  deviations / std::sqrt(static_cast<float>(parts.parameters.dimensions)));
}

std::vector<float> LeafNormTermsOf(const IndexParts& parts) {
  if (!parts.leaf_norm_terms.empty()) {
    return {parts.leaf_norm_terms.begin(), parts.leaf_norm_terms.end()};
  }
  std::vector<float> terms(parts.leaf_radii.begin(), parts.leaf_radii.end());
  for (float& term : terms) term *= term;
  return terms;
}

Int8Rows LeafVectorsOf(const IndexParts& parts) {
  const bool learned = parts.parameters.learned_routing;
  return {(learned ? parts.routing_vectors : parts.centroids).data(), parts.parameters.dimensions};
}

std::vector<float> LeafRadiiOf(const IndexParts& parts) {
  if (!parts.parameters.learned_routing) return {parts.leaf_radii.begin(), parts.leaf_radii.end()};
  std::vector<float> radii(parts.routing_offsets.begin(), parts.routing_offsets.end());
  for (float& radius : radii) radius = ToFiniteFloat(double{radius} / LeafSpreadOf(parts));
  return radii;
}

Branches::Branches(const IndexParts& parts) {
  const int64_t dims = parts.parameters.dimensions, num_leaves = parts.parameters.num_leaves;
  const Int8Rows leaves = LeafVectorsOf(parts);
  radii.resize(CeilDiv(num_leaves, kInt8PackedRows));
  norm_terms.resize(radii.size());
  centroids.assign(size() * Int8RowBytes(dims) + kInt8Overread, 0);
  const std::vector<float> radii_of_leaves = LeafRadiiOf(parts);
  const std::vector<float> leaf_terms = LeafNormTermsOf(parts);
  std::vector<float> leaf(dims), mean(dims);
  std::vector<double> sum(dims);
  for (int64_t branch = 0; branch < size(); ++branch) {
    const int64_t begin = branch * kInt8PackedRows;
    const int64_t end = std::min(begin + kInt8PackedRows, num_leaves);
    const double count = static_cast<double>(end - begin);
    std::fill(sum.begin(), sum.end(), 0.0);
    double squared = 0, leaf_radii = 0, terms = 0;
    for (int64_t i = begin; i < end; ++i) {
      leaves.Dequantize(i, leaf.data());
      for (int64_t dim = 0; dim < dims; ++dim) {
        sum[dim] += leaf[dim];
        squared += static_cast<double>(leaf[dim]) * leaf[dim];
      }
      leaf_radii += radii_of_leaves[i];
      terms += leaf_terms[i];
    }
    double squared_mean = 0;
    for (int64_t dim = 0; dim < dims; ++dim) {
      mean[dim] = ToFiniteFloat(sum[dim] / count);
      squared_mean += sum[dim] / count * (sum[dim] / count);
    }
    Int8Rows::Encode(mean.data(), dims, centroids.data() + branch * Int8RowBytes(dims));
    const double own = std::max(0.0, squared / count - squared_mean);
    radii[branch] = ToFiniteFloat(std::sqrt(own) * kBranchSpread + leaf_radii / count);
    norm_terms[branch] = ToFiniteFloat(own + terms / count);
  }
}

Partitioner::Centroids::Centroids(const Int8Rows& rows, const std::vector<float>& radii_of_rows,
                                  const std::vector<float>& terms, int64_t padded_dims)
    : count(static_cast<int64_t>(radii_of_rows.size())) {
  const int64_t padded = RoundUp(count, kInt8PackedRows);
  packed.Resize(padded * padded_dims);
  packed.Zero();
  for (AlignedBuffer<float>* values : {&scales, &squared_norms, &norm_terms}) {
    values->Resize(padded);
    values->Zero();
  }
  radii.Resize(padded);
  std::fill(radii.data(), radii.data() + padded, kWorst);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t group = i / kInt8PackedRows, place = i % kInt8PackedRows;
    int8_t* const to = packed.data() + group * kInt8PackedRows * padded_dims + place * 4;
    for (int64_t dim = 0; dim < padded_dims; dim += 4) {
      std::memcpy(to + dim * kInt8PackedRows, rows.row(i) + dim, 4);
    }
    scales[i] = rows.scale(i);
    squared_norms[i] = rows.squared_norm(i);
    radii[i] = radii_of_rows[i];
    norm_terms[i] = terms[i];
  }
  all_groups.Resize(padded / kInt8PackedRows);
  std::iota(all_groups.data(), all_groups.data() + all_groups.size(), 0);
}

Partitioner::Partitioner(const IndexParts& parts)
    : distance_measure_(parts.parameters.distance_measure),
      padded_dims_(RoundUp(parts.parameters.dimensions, 4)),
      spread_(LeafSpreadOf(parts)),
      biases_have_terms_(!parts.leaf_norm_terms.empty()),
      demand_(parts.parameters.leaf_demand),
      learned_(parts.parameters.learned_routing),
      centroids_(parts.centroids.data(), parts.parameters.dimensions) {
  const int64_t dims = parts.parameters.dimensions;
  leaves_ =
      Centroids(LeafVectorsOf(parts), LeafRadiiOf(parts), LeafNormTermsOf(parts), padded_dims_);
  if (!parts.parameters.branches) return;
  const Branches branches(parts);
  branches_ = Centroids(Int8Rows(branches.centroids.data(), dims), branches.radii,
                        branches.norm_terms, padded_dims_);
}

void Partitioner::Rank(const Centroids& centroids, Span<const int32_t> groups,
                       const PreparedQuery& query, SearchScratch* scratch) const {
  const int64_t num_groups = static_cast<int64_t>(groups.size());
  int32_t* const dots = scratch->centroid_dots.Resize(num_groups * kInt8PackedRows);
  float* const scores = scratch->leaf_scores.Resize(num_groups * kInt8PackedRows);
  float* const biases = scratch->leaf_biases.Resize(num_groups * kInt8PackedRows);
  ActiveKernels().int8_dot_packed(query.int8_values.data(), centroids.packed.data(), groups.data(),
                                  num_groups, padded_dims_, dots);
  if (distance_measure_ == DistanceMeasure::kSquaredL2) {
    ActiveKernels().rank_by_distance(dots, centroids.scales.data(), centroids.squared_norms.data(),
                                     centroids.radii.data(), centroids.norm_terms.data(),
                                     groups.data(), num_groups, query.int8_scale,
                                     query.norm * query.norm, spread_, biases, scores);
  } else {
    ActiveKernels().rank_by_product(dots, centroids.scales.data(), centroids.radii.data(),
                                    groups.data(), num_groups, query.int8_scale,
                                    spread_ * query.norm, biases, scores);
  }
}

int32_t Partitioner::BestBranch(const PreparedQuery& query, SearchScratch* scratch) const {
  Rank(branches_, branches_.all_groups, query, scratch);
  const int64_t padded = static_cast<int64_t>(scratch->leaf_scores.size());
  return static_cast<int32_t>(ActiveKernels().argmax(scratch->leaf_scores.data(), padded));
}

int64_t Partitioner::NumBranches(int64_t count) const {
  const double product = static_cast<double>(count) * static_cast<double>(branches_.count);
  const int64_t wanted = static_cast<int64_t>(std::ceil(kBranchShare * std::sqrt(product)));
  // Those of the hardest query must stand in them, and the last may be of few leaves.
  const int64_t most = static_cast<int64_t>(LeafDemand::kMost) * count;
  return std::min(branches_.count, std::max(wanted, CeilDiv(most, kInt8PackedRows) + 1));
}

Span<const int32_t> Partitioner::ChooseGroups(int64_t count, QueryState* query,
                                              SearchScratch* scratch) const {
  if (branches_.count == 0) return leaves_.all_groups;
  Rank(branches_, branches_.all_groups, query->query, scratch);
  const float* const scores = scratch->leaf_scores.data();
  query->leaf_statistics = StatisticsOf(distance_measure_, query->query, scores, branches_.count);
  const int64_t wanted = count == leaves_.count ? branches_.count : NumBranches(count);
  if (wanted == branches_.count) return leaves_.all_groups;
  const int64_t padded = static_cast<int64_t>(scratch->leaf_scores.size());
  const float bound = ActiveKernels().bound_of_largest(scores, padded, wanted);
  int32_t* const groups = scratch->leaf_groups.Resize(branches_.count + 16);
  return {groups, static_cast<size_t>(
                      ActiveKernels().indices_at_least(scores, branches_.count, bound, groups))};
}

int64_t Partitioner::NumLeavesFor(const LeafStatistics& statistics, int64_t count) const {
  if (count >= leaves_.count) return leaves_.count;
  const float leaves = std::nearbyint(static_cast<float>(count) * demand_.Of(statistics));
  return std::clamp<int64_t>(static_cast<int64_t>(leaves), 1, leaves_.count);
}

void Partitioner::ChooseLeaves(int64_t count, int64_t sorted, QueryState* query,
                               SearchScratch* scratch) const {
  // Room for queries harder than those before, so that none of them allocates.
  const int64_t most = std::min(leaves_.count, static_cast<int64_t>(LeafDemand::kMost) * count);
  const int64_t all = leaves_.num_groups() * kInt8PackedRows;
  for (AlignedBuffer<float>* values :
       {&scratch->leaf_scores, &scratch->leaf_biases, &scratch->leaf_maxima}) {
    values->Resize(all);
  }
  scratch->centroid_dots.Resize(all);
  scratch->leaf_indices.Resize(all + 16);
  scratch->top_leaves.Reset(most);
  scratch->top_leaves.Reserve(2 * most);
  query->chosen_leaves.Resize(most);

  const Span<const int32_t> groups = ChooseGroups(count, query, scratch);
  Rank(leaves_, groups, query->query, scratch);
  const float* const scores = scratch->leaf_scores.data();
  const int64_t num_scores = static_cast<int64_t>(scratch->leaf_scores.size());
  if (branches_.count == 0) {
    query->leaf_statistics = StatisticsOf(distance_measure_, query->query, scores, leaves_.count);
  } else {
    query->leaf_statistics.best =
        StatisticsOf(distance_measure_, query->query, scores, num_scores).best;
  }

  const int64_t wanted = NumLeavesFor(query->leaf_statistics, count);
  int32_t* const indices = scratch->leaf_indices.Resize(num_scores + 16);
  const int64_t num_indices =
      ActiveKernels().indices_at_least(scores, num_scores, ScoreBound(wanted, scratch), indices);
  TopKeys& top = scratch->top_leaves;
  top.Reset(wanted);
  // Groups ascend, so that of equal scores the lower leaves are chosen, and no places behind the
  // last leaf: there are `wanted` leaves.
  const auto leaf_at = [&](int32_t place) {
    return groups[place / kInt8PackedRows] * kInt8PackedRows + place % kInt8PackedRows;
  };
  for (int64_t i = 0; i < num_indices; ++i) {
    if (learned_) PrefetchCentroid(leaf_at(indices[i]));
    top.Add(MakeKey(scores[indices[i]], static_cast<uint32_t>(indices[i])));
  }
  const Span<ScoredKey> best = top.FinishSorted(sorted);
  ChosenLeaf* const chosen = query->chosen_leaves.Resize(best.size());
  for (size_t i = 0; i < best.size(); ++i) {
    const int32_t place = static_cast<int32_t>(KeyItem(best[i]));
    const int32_t leaf = leaf_at(place);
    const float term = biases_have_terms_ ? leaves_.norm_terms[leaf] : 0.0f;
    chosen[i] = {leaf, scratch->leaf_biases[place] - term};
  }
  if (learned_) SetBiases(query, scratch);
}

void Partitioner::PrefetchCentroid(int64_t leaf) const {
  // Places behind the last leaf may be among those looked at.
  if (leaf < leaves_.count) PrefetchToL1(centroids_.row(leaf), centroids_.stride());
}

void Partitioner::SetBiases(QueryState* query, SearchScratch* scratch) const {
  AlignedBuffer<ChosenLeaf>& chosen = query->chosen_leaves;
  const int64_t count = static_cast<int64_t>(chosen.size());
  int32_t* const leaves = scratch->leaf_indices.Resize(count);
  for (int64_t i = 0; i < count; ++i) leaves[i] = chosen[i].leaf;
  int32_t* const dots = scratch->centroid_dots.Resize(count);
  ActiveKernels().int8_dot_gathered(query->query.int8_values.data(), centroids_.row(0),
                                    centroids_.stride(), leaves, count, padded_dims_, dots);
  for (int64_t i = 0; i < count; ++i) {
    chosen[i].bias =
        static_cast<float>(dots[i]) * (centroids_.scale(chosen[i].leaf) * query->query.int8_scale);
  }
}

}  // namespace tfscann
