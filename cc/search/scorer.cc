#include "cc/search/scorer.h"

#include <algorithm>

#include "cc/kernels/kernels.h"
#include "cc/search/lookup_table.h"

namespace tfscann {
namespace {

// Groups scored between two looks at the threshold.
constexpr int64_t kGroupsPerScan = 16;

// Queries scanned together.
constexpr int64_t kScanBatch = 4;

// Leaves of each query that are scanned before any query's others: a threshold from near leaves
// keeps most candidates of the far ones out.
constexpr int64_t kLeavesAhead = 1;

void Reset(const IndexParts& parts, int64_t keep, QueryState* query) {
  const LookupTable& table = query->lookup_table;
  // As integers, which NaN of overflowing products cannot be.
  uint32_t lowest = ~0u, highest = 0;
  for (const ChosenLeaf& leaf : Span<const ChosenLeaf>(query->chosen_leaves)) {
    const uint32_t offset = LeafKeyOffset(leaf.bias, table.scale);
    lowest = std::min(lowest, offset);
    highest = std::max(highest, offset);
  }
  const int64_t largest_sum = table.max_entry * parts.parameters.num_code_blocks();
  query->top_codes.Reset(keep, lowest, highest + static_cast<uint32_t>(largest_sum));
}

// Drops hits that are no candidates (a leaf's last group may be partly empty) or excluded.
int64_t DropUnwanted(const IndexParts& parts, uint32_t leaf_end, const RowSet& excluded,
                     ScoredKey* hits, int64_t num_hits) {
  while (num_hits > 0 && KeyItem(hits[num_hits - 1]) >= leaf_end) --num_hits;
  if (excluded.empty()) return num_hits;
  ScoredKey* const end = std::remove_if(hits, hits + num_hits, [&](ScoredKey hit) {
    return excluded.Contains(parts.position_rows[KeyItem(hit)]);
  });
  return end - hits;
}

const uint8_t* CodesOf(const IndexParts& parts, int32_t leaf) {
  return parts.codes.data() + static_cast<int64_t>(parts.leaf_first_groups[leaf]) *
                                  parts.parameters.num_code_pairs() * kLut16PairBytes;
}

// Scans a leaf for up to kScanBatch queries that have chosen it. `next_codes` are those of the leaf
// after it, or null.
void ScanLeaf(const IndexParts& parts, int32_t leaf, const uint8_t* next_codes,
              QueryState* const* queries, const float* biases, int64_t num_queries) {
  const int64_t num_pairs = parts.parameters.num_code_pairs();
  const int64_t group_bytes = num_pairs * kLut16PairBytes;
  const int64_t first_group = parts.leaf_first_groups[leaf];
  const int64_t num_groups = parts.leaf_first_groups[leaf + 1] - first_group;
  const uint32_t leaf_end =
      static_cast<uint32_t>(first_group * kLut16Group + parts.leaf_sizes[leaf]);

  for (int64_t group = 0; group < num_groups; group += kGroupsPerScan) {
    Lut16Scan scan;
    scan.codes = CodesOf(parts, leaf) + group * group_bytes;
    scan.num_groups = std::min(kGroupsPerScan, num_groups - group);
    scan.num_pairs = num_pairs;
    scan.first_position = static_cast<uint32_t>((first_group + group) * kLut16Group);
    scan.prefetch = next_codes == nullptr ? nullptr : next_codes + group * group_bytes;

    Lut16Query scanned[kScanBatch];
    QueryState* states[kScanBatch];
    ScoredKey* hits[kScanBatch];
    int64_t num_scanned = 0;
    for (int64_t q = 0; q < num_queries; ++q) {
      const LookupTable& table = queries[q]->lookup_table;
      const uint32_t key_offset = LeafKeyOffset(biases[q], table.scale);
      const int64_t needed = int64_t{queries[q]->top_codes.threshold()} - key_offset;
      if (needed > kLut16MaxSum) continue;
      states[num_scanned] = queries[q];
      hits[num_scanned] = queries[q]->top_codes.Reserve(scan.num_groups * kLut16Group);
      scanned[num_scanned] = {table.entries.data(),
                              static_cast<int32_t>(std::max<int64_t>(0, needed)), key_offset,
                              hits[num_scanned]};
      ++num_scanned;
    }
    ActiveKernels().lut16_scan(scan, scanned, num_scanned);
    for (int64_t i = 0; i < num_scanned; ++i) {
      states[i]->top_codes.Commit(
          DropUnwanted(parts, leaf_end, states[i]->excluded, hits[i], scanned[i].hits - hits[i]));
    }
  }
}

// Scans each query's leaves with ranks in [begin, end), leaf by leaf.
void ScanByLeaf(const IndexParts& parts, size_t begin, size_t end, QueryState* queries,
                int64_t num_queries, SearchScratch* scratch) {
  const int64_t num_leaves = parts.parameters.num_leaves;
  // The visits, sorted by leaf: those of leaf i are [first[i], first[i + 1]).
  int64_t* const first = scratch->first_visits.Resize(num_leaves + 2);
  scratch->first_visits.Zero();
  const auto for_each_visit = [&](const auto& visit) {
    for (int64_t q = 0; q < num_queries; ++q) {
      const AlignedBuffer<ChosenLeaf>& leaves = queries[q].chosen_leaves;
      for (size_t i = begin; i < std::min(end, leaves.size()); ++i) visit(q, leaves[i]);
    }
  };
  for_each_visit([&](int64_t, const ChosenLeaf& leaf) { ++first[leaf.leaf + 2]; });
  for (int64_t leaf = 0; leaf < num_leaves; ++leaf) first[leaf + 2] += first[leaf + 1];
  LeafVisit* const visits = scratch->visits.Resize(first[num_leaves + 1]);
  for_each_visit([&](int64_t query, const ChosenLeaf& leaf) {
    visits[first[leaf.leaf + 1]++] = {static_cast<int32_t>(query), leaf.bias};
  });

  for (int64_t leaf = 0; leaf < num_leaves; ++leaf) {
    for (int64_t visit = first[leaf]; visit < first[leaf + 1]; visit += kScanBatch) {
      const int64_t count = std::min(kScanBatch, first[leaf + 1] - visit);
      QueryState* states[kScanBatch];
      float biases[kScanBatch];
      for (int64_t i = 0; i < count; ++i) {
        states[i] = &queries[visits[visit + i].query];
        biases[i] = visits[visit + i].bias;
      }
      ScanLeaf(parts, static_cast<int32_t>(leaf), nullptr, states, biases, count);
    }
  }
}

}  // namespace

void ScoreChosenLeaves(const IndexParts& parts, int64_t keep, QueryState* query) {
  Reset(parts, keep, query);
  const AlignedBuffer<ChosenLeaf>& leaves = query->chosen_leaves;
  for (size_t i = 0; i < leaves.size(); ++i) {
    const uint8_t* const next =
        i + 1 < leaves.size() ? CodesOf(parts, leaves[i + 1].leaf) : nullptr;
    ScanLeaf(parts, leaves[i].leaf, next, &query, &leaves[i].bias, 1);
  }
}

void ScoreChosenLeaves(const IndexParts& parts, int64_t keep, QueryState* queries,
                       int64_t num_queries, SearchScratch* scratch) {
  for (int64_t q = 0; q < num_queries; ++q) Reset(parts, keep, &queries[q]);
  ScanByLeaf(parts, 0, kLeavesAhead, queries, num_queries, scratch);
  ScanByLeaf(parts, kLeavesAhead, static_cast<size_t>(parts.parameters.num_leaves), queries,
             num_queries, scratch);
}

}  // namespace tfscann
