#include "cc/search/scorer.h"

#include <algorithm>

#include "cc/kernels/kernels.h"
#include "cc/search/lookup_table.h"

namespace tfscann {
namespace {

// Candidates scored between two looks at the threshold.
constexpr int64_t kCandidatesPerScan = 16 * kLut16Group;
static_assert(kCandidatesPerScan <= kLut16MaxScan);

// Queries scanned together.
constexpr int64_t kScanBatch = 4;

// Leaves of each query that are scanned before any query's others: a threshold from near leaves
// keeps most candidates of the far ones out.
constexpr int64_t kLeavesAhead = 1;

constexpr int32_t kNoLeaf = -1;

// Drops hits of excluded rows.
int64_t DropExcluded(const IndexParts& parts, const RowSet& excluded, uint32_t first_position,
                     Lut16Query* query) {
  if (excluded.empty()) return query->num_hits;
  int64_t kept = 0;
  for (int64_t i = 0; i < query->num_hits; ++i) {
    query->scores[kept] = query->scores[i];
    query->places[kept] = query->places[i];
    kept += !excluded.Contains(parts.position_rows[first_position + query->places[i]]);
  }
  return kept;
}

const uint8_t* CodesOf(const IndexParts& parts, int32_t leaf) {
  return parts.codes.data() + static_cast<int64_t>(parts.leaf_first_groups[leaf]) *
                                  parts.parameters.num_code_pairs() * kLut16PairBytes;
}

// More of a leaf is not asked for: it would drive out what is in use.
constexpr int64_t kMaxPrefetch = int64_t{1} << 17;

// Asks for the codes of a leaf while `num_groups` groups are scanned, for each an equal share.
void PrefetchDuring(const IndexParts& parts, int32_t leaf, int64_t num_groups, Lut16Scan* scan) {
  const int64_t num_next =
      static_cast<int64_t>(parts.leaf_first_groups[leaf + 1] - parts.leaf_first_groups[leaf]);
  const int64_t bytes =
      std::min(kMaxPrefetch, num_next * parts.parameters.num_code_pairs() * kLut16PairBytes);
  scan->prefetch = CodesOf(parts, leaf);
  scan->prefetch_bytes = RoundUp(CeilDiv(bytes, std::max<int64_t>(1, num_groups)), 64);
}

// Scans a leaf for up to kScanBatch queries that have chosen it. `next_leaf` is the one after it,
// or kNoLeaf.
void ScanLeaf(const IndexParts& parts, int32_t leaf, int32_t next_leaf, QueryState* const* queries,
              const float* biases, int64_t num_queries) {
  const int64_t num_pairs = parts.parameters.num_code_pairs();
  const int64_t leaf_size = parts.leaf_sizes[leaf];
  const int64_t leaf_position = int64_t{parts.leaf_first_groups[leaf]} * kLut16Group;
  uint16_t places[kScanBatch][kCandidatesPerScan];
  Lut16Scan scan = {nullptr, 0, num_pairs, nullptr, 0};
  if (next_leaf != kNoLeaf) {
    PrefetchDuring(parts, next_leaf, CeilDiv(leaf_size, kLut16Group), &scan);
  }

  for (int64_t begin = 0; begin < leaf_size; begin += kCandidatesPerScan) {
    scan.codes = CodesOf(parts, leaf) + begin / kLut16Group * num_pairs * kLut16PairBytes;
    scan.num_candidates = std::min(kCandidatesPerScan, leaf_size - begin);
    const uint32_t first_position = static_cast<uint32_t>(leaf_position + begin);

    Lut16Query scanned[kScanBatch];
    QueryState* states[kScanBatch];
    int64_t num_scanned = 0;
    for (int64_t q = 0; q < num_queries; ++q) {
      const LookupTable& table = queries[q]->lookup_table;
      const uint16_t offset = table.ScoreOffset(biases[q]);
      const int threshold = std::max(0, queries[q]->top_codes.threshold() - offset);
      if (threshold > kLut16MaxSum) continue;
      states[num_scanned] = queries[q];
      scanned[num_scanned] = {table.entries.data(),
                              static_cast<uint16_t>(threshold),
                              offset,
                              queries[q]->top_codes.Reserve(scan.num_candidates),
                              places[num_scanned],
                              0};
      ++num_scanned;
    }
    ActiveKernels().lut16_scan(scan, scanned, num_scanned);
    for (int64_t i = 0; i < num_scanned; ++i) {
      const int64_t count = DropExcluded(parts, states[i]->excluded, first_position, &scanned[i]);
      states[i]->top_codes.Commit(places[i], count, first_position);
    }
    if (scan.prefetch != nullptr) {
      scan.prefetch += kCandidatesPerScan / kLut16Group * scan.prefetch_bytes;
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
      // The leaf behind it in memory, if it has visits, is the next.
      const bool has_next = leaf + 1 < num_leaves && first[leaf + 1] < first[leaf + 2];
      const int32_t next =
          visit == first[leaf] && has_next ? static_cast<int32_t>(leaf + 1) : kNoLeaf;
      ScanLeaf(parts, static_cast<int32_t>(leaf), next, states, biases, count);
    }
  }
}

}  // namespace

void ScoreChosenLeaves(const IndexParts& parts, int64_t keep, QueryState* query) {
  query->top_codes.Reset(keep);
  const AlignedBuffer<ChosenLeaf>& leaves = query->chosen_leaves;
  for (size_t i = 0; i < leaves.size(); ++i) {
    const int32_t next = i + 1 < leaves.size() ? leaves[i + 1].leaf : kNoLeaf;
    ScanLeaf(parts, leaves[i].leaf, next, &query, &leaves[i].bias, 1);
  }
}

void ScoreChosenLeaves(const IndexParts& parts, int64_t keep, QueryState* queries,
                       int64_t num_queries, SearchScratch* scratch) {
  for (int64_t q = 0; q < num_queries; ++q) queries[q].top_codes.Reset(keep);
  ScanByLeaf(parts, 0, kLeavesAhead, queries, num_queries, scratch);
  ScanByLeaf(parts, kLeavesAhead, static_cast<size_t>(parts.parameters.num_leaves), queries,
             num_queries, scratch);
}

}  // namespace tfscann
