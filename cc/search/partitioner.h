// Stage 1: choosing the leaves to search.
#ifndef TFSCANN_SEARCH_PARTITIONER_H_
#define TFSCANN_SEARCH_PARTITIONER_H_

#include <cstdint>
#include <vector>

#include "cc/base/aligned_buffer.h"
#include "cc/search/index_parts.h"
#include "cc/search/int8_rows.h"
#include "cc/search/scratch.h"

namespace tfscann {

// Ranks leaves by what their best candidates may score, not by the centroid alone: a candidate
// c + r of a leaf with RMS residual s scores q.c + q.r, and q.r spreads like |q| s / sqrt(d). So,
// with a spread k of so many standard deviations, over sqrt(d),
//   dot_product, cosine:  q.c + k |q| s
//   squared_l2:           -(|q-c|^2 + t - 2 k |q-c| s),
// t being the leaf's norm term (see IndexParts), so that |q-c|^2 + t is the mean distance of its
// candidates but for how q lies to the mean of their r. On the GloVe set 2 to 3 are as good; where
// lengths differ, 3.5 takes a tenth more time for the same recall.
inline constexpr float kLeafSpread = 2.5f;
inline constexpr float kLeafSpreadSquaredL2 = 1.5f;
// Where leaves have no norm terms, s^2 is in their place.
inline constexpr float kLeafSpreadWithoutTerms = 5.0f;

// In few dimensions k is no more than this: a leaf is not the better the wider it is.
inline constexpr float kMostSpread = 0.5f;

// k, what radii are multiplied with.
float LeafSpreadOf(const IndexParts& parts);

// Where a build has learned from queries which leaves their neighbours are in (dot_product,
// IndexParameters::learned_routing), a leaf with routing vector v and offset o is ranked by
//   q.v + |q| o
// instead. In the form that centroids and radii have, the radius is o / k: what follows needs to
// know of no difference. The codes are relative to the centroid all the same.
Int8Rows LeafVectorsOf(const IndexParts& parts);
std::vector<float> LeafRadiiOf(const IndexParts& parts);

// squared_l2: t of each leaf; else no matter what.
std::vector<float> LeafNormTermsOf(const IndexParts& parts);

// Branches are ranked likewise. With g the mean of a branch's centroids, r their RMS distance from
// it, and s the mean radius of the leaves,
//   dot_product, cosine:  q.g + k (kBranchSpread r + s) |q|
//   squared_l2:           -(|q-g|^2 + r^2 + t - 2 k (kBranchSpread r + s) |q-g|),
// t being the mean of the leaves' norm terms.
inline constexpr float kBranchSpread = 7.0f / 6;

// Branches whose leaves are ranked, to choose `count` leaves: kBranchShare sqrt(count branches). On
// the GloVe set, where that is a third of 144 branches at recall 0.95, the neighbours of 95 % then
// stand in 3 % more candidates.
inline constexpr double kBranchShare = 0.9;

// The branches of an index that has any, in the form of leaves that are ranked like them.
struct Branches {
  std::vector<int8_t> centroids;  // Int8Rows without room, and kInt8Overread more
  std::vector<float> radii;
  std::vector<float> norm_terms;  // r^2 + t

  explicit Branches(const IndexParts& parts);
  int64_t size() const { return static_cast<int64_t>(radii.size()); }
};

// So many leaves in order do for a search: after these a lone query's threshold is high, and a
// batch scans in another order anyway. Long lists, whose first threshold needs more leaves, take
// others for it. Sorting 150 leaves would be a tenth of a batch's time.
inline constexpr int64_t kSortedLeaves = 16;

class Partitioner {
 public:
  Partitioner() = default;
  // Copies what ranks the leaves of a tree index into the layout of int8_dot_packed.
  explicit Partitioner(const IndexParts& parts);

  // Writes the best leaves for a query to its chosen_leaves, the best `sorted` of them first, best
  // first, and the others in any order, each with its bias: q.c, or 2 q.c - |c|^2 - t for
  // squared_l2 (q and c being relative to the mean candidate). They are `count`, in [1,
  // num_leaves], on average, by LeafDemand; all of them if count is num_leaves. Sets
  // leaf_statistics. In an index with branches, only leaves of the best branches are looked at.
  void ChooseLeaves(int64_t count, int64_t sorted, QueryState* query, SearchScratch* scratch) const;

  int64_t num_branches() const { return branches_.count; }
  // The branch whose leaves are the most likely to be chosen; there must be branches.
  int32_t BestBranch(const PreparedQuery& query, SearchScratch* scratch) const;

 private:
  // Centroids with radii, packed, in groups of kInt8PackedRows.
  struct Centroids {
    int64_t count = 0;
    AlignedBuffer<int8_t> packed;
    AlignedBuffer<float> scales;
    AlignedBuffer<float> squared_norms;
    AlignedBuffer<float> radii;  // -infinity behind the last: such a one scores -infinity
    AlignedBuffer<float> norm_terms;
    AlignedBuffer<int32_t> all_groups;

    Centroids() = default;
    Centroids(const Int8Rows& rows, const std::vector<float>& radii,
              const std::vector<float>& norm_terms, int64_t padded_dims);
    int64_t num_groups() const { return static_cast<int64_t>(all_groups.size()); }
  };

  // Fills leaf_scores and leaf_biases of the scratch with those of the groups.
  void Rank(const Centroids& centroids, Span<const int32_t> groups, const PreparedQuery& query,
            SearchScratch* scratch) const;
  // Branches to look at for `count` leaves on average.
  int64_t NumBranches(int64_t count) const;
  // The groups of the leaves to be ranked, ascending. Sets the deviation of the scores.
  Span<const int32_t> ChooseGroups(int64_t count, QueryState* query, SearchScratch* scratch) const;
  // Asks for what SetBiases will want of a leaf that may be chosen.
  void PrefetchCentroid(int64_t leaf) const;
  // The biases of the chosen leaves where routing vectors have ranked them.
  void SetBiases(QueryState* query, SearchScratch* scratch) const;
  // Leaves for a query, `count` being those of the average one.
  int64_t NumLeavesFor(const LeafStatistics& statistics, int64_t count) const;

  DistanceMeasure distance_measure_ = DistanceMeasure::kDotProduct;
  int64_t padded_dims_ = 0;         // to a multiple of 4
  float spread_ = 0;                // k
  bool biases_have_terms_ = false;  // biases are less by the leaves' norm terms
  LeafDemand demand_;
  bool learned_ = false;  // routing vectors rank leaves
  Int8Rows centroids_;
  Centroids leaves_;
  Centroids branches_;  // none if the index has none
};

}  // namespace tfscann

#endif  // TFSCANN_SEARCH_PARTITIONER_H_
