#include "cc/search/scorer.h"

#include <algorithm>
#include <limits>

#include "cc/kernels/kernels.h"
#include "cc/search/lookup_table.h"

namespace tfscann {
namespace {

// Groups scanned between two looks at the threshold.
constexpr int64_t kGroupsPerScan = kLut16MaxGroups;

// Queries scanned together.
constexpr int64_t kScanBatch = 4;

// Of a leaf's candidates a third to a half score better than one whose code says nothing, the
// allowance included: in leaves with so many times what is kept, more than is kept.
constexpr int64_t kCandidatesForFloor = 4;

// The groups of leaves, one leaf after the other, of which the next few are at hand.
class GroupList {
 public:
  explicit GroupList(const IndexParts& parts)
      : parts_(parts), group_bytes_(parts.parameters.num_code_pairs() * kLut16PairBytes) {}

  // Lists as many as there is room for. `next_leaf(&leaf, &score_offset)` is asked for leaves until
  // it returns false.
  template <typename NextLeaf>
  void Fill(const NextLeaf& next_leaf) {
    while (size_ < kRoom) {
      if (left_ <= 0) {
        int32_t leaf;
        if (!next_leaf(&leaf, &score_offset_)) return;
        next_group_ = parts_.leaf_first_groups[leaf];
        left_ = parts_.leaf_sizes[leaf];
      }
      const int64_t count = std::min(CeilDiv(left_, kLut16Group), kRoom - size_);
      for (int64_t i = 0; i < count; ++i) {
        const int64_t group = next_group_ + i;
        groups_[size_ + i] = {
            parts_.codes.data() + group * group_bytes_, static_cast<uint32_t>(group * kLut16Group),
            score_offset_,
            static_cast<uint16_t>(std::min<int64_t>(left_ - i * kLut16Group, kLut16Group))};
      }
      size_ += count;
      next_group_ += count;
      left_ -= count * kLut16Group;
    }
  }

  const Lut16Codes* groups() const { return groups_; }
  int64_t size() const { return size_; }
  // Forgets the first `count`.
  void Drop(int64_t count) {
    std::copy(groups_ + count, groups_ + size_, groups_);
    size_ -= count;
  }

 private:
  static constexpr int64_t kRoom = kGroupsPerScan + kLut16GroupsAhead;

  const IndexParts& parts_;
  const int64_t group_bytes_;
  // Of the leaf that is being listed.
  int64_t next_group_ = 0;
  int64_t left_ = 0;  // candidates
  uint16_t score_offset_ = 0;

  Lut16Codes groups_[kRoom];
  int64_t size_ = 0;
};

// Whether a leaf with this offset may have candidates that are among the best.
bool MayHaveHits(uint16_t score_offset, const QueryState& query) {
  const int most = score_offset - query.lookup_table.zero_sum + kLut16MaxSum;
  return query.top_codes.threshold() <= most;
}

// Drops hits of excluded rows.
int64_t DropExcluded(const IndexParts& parts, const RowSet& excluded, const uint32_t* shifts,
                     Lut16Query* query) {
  if (excluded.empty()) return query->num_hits;
  int64_t kept = 0;
  for (int64_t i = 0; i < query->num_hits; ++i) {
    const uint16_t place = query->places[i];
    query->scores[kept] = query->scores[i];
    query->places[kept] = place;
    kept += !excluded.Contains(parts.position_rows[place + shifts[place / kLut16Group]]);
  }
  return kept;
}

// Scans the first `num_groups` of a list for up to kScanBatch queries, to whose scores offsets are
// added. Those behind them in the list are asked for meanwhile if `ahead` says so.
void ScanGroups(const IndexParts& parts, const GroupList& list, int64_t num_groups, bool ahead,
                QueryState* const* queries, const uint16_t* score_offsets, int64_t num_queries) {
  const Lut16Scan scan = {list.groups(), num_groups, ahead ? list.size() : num_groups,
                          parts.parameters.num_code_pairs(), parts.code_scales.data()};
  uint16_t places[kScanBatch][kGroupsPerScan * kLut16Group];
  Lut16Query scanned[kScanBatch];
  for (int64_t q = 0; q < num_queries; ++q) {
    TopCodes& top = queries[q]->top_codes;
    uint16_t* const scores = top.Reserve(num_groups * kLut16Group);
    scanned[q] = {queries[q]->lookup_table.entries.data(),
                  top.threshold(),
                  score_offsets[q],
                  queries[q]->lookup_table.sum_offset,
                  scores,
                  places[q],
                  0};
  }
  uint32_t shifts[kLut16MaxGroups] = {};
  for (int64_t i = 0; i < num_groups; ++i) {
    shifts[i] = scan.groups[i].first_position - static_cast<uint32_t>(i) * kLut16Group;
  }
  ActiveKernels().lut16_scan(scan, scanned, num_queries);
  for (int64_t q = 0; q < num_queries; ++q) {
    const int64_t count = DropExcluded(parts, queries[q]->excluded, shifts, &scanned[q]);
    queries[q]->top_codes.Commit(places[q], count, shifts);
  }
}

// Scans each query's leaves, leaf by leaf.
void ScanByLeaf(const IndexParts& parts, QueryState* queries, int64_t num_queries,
                SearchScratch* scratch) {
  const int64_t num_leaves = parts.parameters.num_leaves;
  // The visits, sorted by leaf: those of leaf i are [first[i], first[i + 1]).
  int64_t* const first = scratch->first_visits.Resize(num_leaves + 2);
  scratch->first_visits.Zero();
  const auto for_each_visit = [&](const auto& visit) {
    for (int64_t q = 0; q < num_queries; ++q) {
      const Span<const ChosenLeaf> leaves = queries[q].chosen_leaves;
      for (const ChosenLeaf& leaf : leaves) visit(q, leaf);
    }
  };
  for_each_visit([&](int64_t, const ChosenLeaf& leaf) { ++first[leaf.leaf + 2]; });
  for (int64_t leaf = 0; leaf < num_leaves; ++leaf) first[leaf + 2] += first[leaf + 1];
  LeafVisit* const visits = scratch->visits.Resize(first[num_leaves + 1]);
  for_each_visit([&](int64_t query, const ChosenLeaf& leaf) {
    visits[first[leaf.leaf + 1]++] = {static_cast<int32_t>(query), leaf.bias};
  });

  GroupList list(parts);
  int64_t listed = -1;  // the last leaf that is
  const auto next_leaf = [&](int32_t* leaf, uint16_t* score_offset) {
    do {
      if (++listed >= num_leaves) return false;
    } while (first[listed] == first[listed + 1]);
    *leaf = static_cast<int32_t>(listed);
    *score_offset = 0;
    return true;
  };
  for (int64_t leaf = 0; leaf < num_leaves; ++leaf) {
    if (first[leaf] == first[leaf + 1]) continue;
    int64_t left = CeilDiv(parts.leaf_sizes[leaf], kLut16Group);
    while (left > 0) {
      list.Fill(next_leaf);
      const int64_t num_groups = std::min(kGroupsPerScan, left);
      for (int64_t visit = first[leaf]; visit < first[leaf + 1]; visit += kScanBatch) {
        const int64_t visits_end = std::min(visit + kScanBatch, first[leaf + 1]);
        QueryState* states[kScanBatch];
        uint16_t offsets[kScanBatch];
        int64_t count = 0;
        for (int64_t i = visit; i < visits_end; ++i) {
          states[count] = &queries[visits[i].query];
          offsets[count] = states[count]->lookup_table.ScoreOffset(visits[i].bias);
          if (MayHaveHits(offsets[count], *states[count])) ++count;
        }
        ScanGroups(parts, list, num_groups, visit == first[leaf], states, offsets, count);
      }
      list.Drop(num_groups);
      left -= num_groups;
    }
  }
}

// Scans a query's leaves, one after the other.
void ScanAlone(const IndexParts& parts, QueryState* query) {
  const Span<const ChosenLeaf> leaves = query->chosen_leaves;
  size_t listed = 0;
  const auto next_leaf = [&](int32_t* leaf, uint16_t* score_offset) {
    while (listed < leaves.size()) {
      const ChosenLeaf& next = leaves[listed++];
      *leaf = next.leaf;
      *score_offset = query->lookup_table.ScoreOffset(next.bias);
      if (MayHaveHits(*score_offset, *query)) return true;
    }
    return false;
  };
  GroupList list(parts);
  for (list.Fill(next_leaf); list.size() > 0; list.Fill(next_leaf)) {
    const int64_t num_groups = std::min(kGroupsPerScan, list.size());
    constexpr uint16_t kNoOffset = 0;
    ScanGroups(parts, list, num_groups, /*ahead=*/true, &query, &kNoOffset, 1);
    list.Drop(num_groups);
  }
}

// Scans without a floor if one kept out too many.
void ScanAgainIfNeeded(const IndexParts& parts, int64_t keep, QueryState* query) {
  if (!query->top_codes.missed_some()) return;
  query->top_codes.Reset(keep, 0);
  ScanAlone(parts, query);
}

}  // namespace

uint16_t LikelyThreshold(const IndexParts& parts, int64_t keep, const QueryState& query) {
  const int64_t copies = parts.parameters.soar ? 2 : 1;
  const int64_t wanted = kCandidatesForFloor * (keep + copies * query.excluded.size());
  int64_t candidates = 0;
  const LookupTable& table = query.lookup_table;
  uint16_t lowest = std::numeric_limits<uint16_t>::max();
  for (const ChosenLeaf& leaf : Span<const ChosenLeaf>(query.chosen_leaves)) {
    candidates += parts.leaf_sizes[leaf.leaf];
    const float radius = std::min(parts.leaf_radii[leaf.leaf], parts.parameters.longest_residual);
    lowest = std::min(lowest, table.ScoreOffset(leaf.bias + table.allowance * radius));
    if (candidates >= wanted) return lowest;
  }
  return 0;
}

void ScoreChosenLeaves(const IndexParts& parts, int64_t keep, QueryState* query) {
  query->top_codes.Reset(keep, LikelyThreshold(parts, keep, *query));
  ScanAlone(parts, query);
  ScanAgainIfNeeded(parts, keep, query);
}

void ScoreChosenLeaves(const IndexParts& parts, int64_t keep, QueryState* queries,
                       int64_t num_queries, SearchScratch* scratch) {
  for (int64_t q = 0; q < num_queries; ++q) {
    queries[q].top_codes.Reset(keep, LikelyThreshold(parts, keep, queries[q]));
  }
  ScanByLeaf(parts, queries, num_queries, scratch);
  for (int64_t q = 0; q < num_queries; ++q) ScanAgainIfNeeded(parts, keep, &queries[q]);
}

}  // namespace tfscann
