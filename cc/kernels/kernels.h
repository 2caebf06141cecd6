// The table of kernels: the only interface to code with intrinsics. One table per Target; a
// kernel of a richer target computes the same function as its scalar twin: integer kernels bit for
// bit, float kernels within rounding.
#ifndef TFSCANN_KERNELS_KERNELS_H_
#define TFSCANN_KERNELS_KERNELS_H_

#include <cassert>
#include <cstdint>

#include "cc/kernels/target.h"

namespace tfscann {

// Floats that may be read, with any finite value, behind the last row given to a float kernel, and
// bytes behind the last row given to an int8 kernel.
inline constexpr int64_t kFloatOverread = 16;
inline constexpr int64_t kInt8Overread = 64;

// Packed 4-bit codes (lut16): candidates stand in groups of 32, blocks in pairs. The 32 bytes of
// (group, pair p) hold block 2p in bytes 0-15 and block 2p+1 in bytes 16-31. Byte j of either half
// holds candidate Lut16Candidate(j) in its low nibble and that candidate + 16 in its high nibble.
// A group's pairs follow one another, then the next group's.
inline constexpr int kLut16Group = 32;
inline constexpr int kLut16PairBytes = 32;
constexpr int Lut16Candidate(int byte) { return byte / 2 + 8 * (byte % 2); }
constexpr int Lut16Byte(int candidate) { return candidate % 8 * 2 + candidate % 16 / 8; }

// Rows of int8 that stand together when they are packed: of each 4 dimensions in turn, those of 16
// rows.
inline constexpr int kInt8PackedRows = 16;

// Kernels take 2 or 4 blocks at a time, a step. Over a run of steps they add up in bytes, one for
// each block of a step: byte i gets the entries of the i-th block of every step. The bytes of all
// runs are added up in 15 bits.
inline constexpr int64_t kLut16BlocksPerStep[] = {2, 4};
inline constexpr int kLut16MaxByteSum = 255;
inline constexpr int kLut16MaxSum = 32767;

// Steps of a run, of so many in all; the last run may be shorter. Kernels unroll a whole run.
inline constexpr int64_t kLut16MaxStepsPerRun = 16;
constexpr int64_t Lut16StepsPerRun(int64_t num_steps) {
  if (num_steps <= kLut16MaxStepsPerRun) return num_steps;
  const int64_t num_runs = (num_steps + kLut16MaxStepsPerRun - 1) / kLut16MaxStepsPerRun;
  return (num_steps + num_runs - 1) / num_runs;
}

// What is multiplied with a candidate's sum is its scale, at most this, over kLut16ScaleOne.
inline constexpr int kLut16MaxScale = 127;
inline constexpr int kLut16ScaleOne = 128;

// Groups of a scan: few enough for a register to hold a number for each.
inline constexpr int64_t kLut16MaxGroups = 16;

// The codes of a group.
struct Lut16Codes {
  const uint8_t* codes;     // num_pairs x 32 bytes
  uint32_t first_position;  // of its candidates
  uint16_t score_offset;    // added to the scaled sums
  uint16_t num_candidates;  // in [1, 32]
};

// What Kernels::lut16_scan scans: groups from anywhere, so that a scan need not end where a leaf
// does, which no processor foresees.
struct Lut16Scan {
  const Lut16Codes* groups;
  int64_t num_groups;  // at most kLut16MaxGroups
  // Groups in the list, at least num_groups. With each group that is scanned, codes and scales of
  // the one kLut16GroupsAhead behind it are asked for, if the list has it.
  int64_t num_listed;
  int64_t num_pairs;
  const uint8_t* scales;  // of the candidate at each position
};
inline constexpr int64_t kLut16GroupsAhead = 12;

// A word, twice: 32 bits of memory are broadcast by a load alone, 16 bits by a load and a shuffle,
// and shuffles are what scans are made of.
class TwiceWord {
 public:
  TwiceWord() = default;
  // Of 16 bits, with or without a sign.
  constexpr TwiceWord(int word) : bits_(static_cast<uint16_t>(word) * 0x10001u) {
    assert(word >= INT16_MIN && word <= UINT16_MAX);
  }
  constexpr uint16_t word() const { return static_cast<uint16_t>(bits_); }
  constexpr int32_t bits() const { return static_cast<int32_t>(bits_); }

 private:
  uint32_t bits_;
};

// One query of a scan, and its hits: candidates whose scores reach the threshold. With both score
// offsets, a score is
//   score_offsets + (sum + sum_offset) * scale / kLut16ScaleOne,
// the latter rounded to the nearest integer, halves up.
struct Lut16Query {
  // 16 entries a block; zero beyond the last, up to a multiple of 4 blocks. No byte of a run
  // exceeds kLut16MaxByteSum, and no sum over all blocks kLut16MaxSum.
  const uint8_t* table;
  TwiceWord threshold;
  TwiceWord score_offset;  // what comes out fits in 16 bits
  TwiceWord sum_offset;    // with a sign; with it, every sum fits in 16 bits, with a sign
  // The hits' scores, and their places in the scan, 32 a group, in order. Room for all groups'
  // candidates may be written to.
  uint16_t* scores;
  uint16_t* places;
  int64_t num_hits;  // set by the scan
};

// Directions in which the error of a code counts for more than in others.
inline constexpr int64_t kMaxErrorDirections = 5;
struct ErrorDirections {
  const float* vectors = nullptr;  // one after the other
  const float* weights = nullptr;
  int64_t count = 0;  // at most kMaxErrorDirections
};

struct Kernels {
  // out[q * out_stride + r] = queries[q] . rows[r], or the squared Euclidean distance. Queries are
  // padded with zeros to a multiple of 16; rows of less than 16 dimensions may be over-read by
  // kFloatOverread. The result for a pair does not depend on the other queries and rows of the
  // call.
  void (*dot_rows)(const float* queries, int64_t query_stride, int64_t num_queries,
                   const float* rows, int64_t row_stride, int64_t num_rows, int64_t dims,
                   float* out, int64_t out_stride);
  void (*squared_l2_rows)(const float* queries, int64_t query_stride, int64_t num_queries,
                          const float* rows, int64_t row_stride, int64_t num_rows, int64_t dims,
                          float* out, int64_t out_stride);

  // out[i] = query . row rows[i] of a matrix without room between its rows, or the squared
  // Euclidean distance: the same result, from a query that is padded likewise. Rows are over-read
  // likewise.
  void (*dot_gathered)(const float* query, const float* matrix, const int32_t* rows,
                       int64_t num_rows, int64_t dims, float* out);
  void (*squared_l2_gathered)(const float* query, const float* matrix, const int32_t* rows,
                              int64_t num_rows, int64_t dims, float* out);

  // out[r * out_stride + c] = rows[r] . columns[c] + bias[c] for a matrix whose columns are packed
  // 16 at a time: packed[c / 16][dim][c % 16]. num_columns is a multiple of 16.
  void (*multiply_packed)(const float* rows, int64_t row_stride, int64_t num_rows,
                          const float* packed, const float* bias, int64_t num_columns, int64_t dims,
                          float* out, int64_t out_stride);

  // counts[c] += how many of the rows have rows[r] . columns[c] > thresholds[c] or NaN; all of them
  // if the threshold is NaN. Columns as above; a product adds one dimension after the other.
  void (*count_above_packed)(const float* rows, int64_t row_stride, int64_t num_rows,
                             const float* packed, const float* thresholds, int64_t num_columns,
                             int64_t dims, int32_t* counts);

  // Index of the largest of values[0, count), the first if there are several; count is a positive
  // multiple of 16.
  int64_t (*argmax)(const float* values, int64_t count);

  // maxima[i] for i < count / group: the largest of a fixed set of `group` of the values, each
  // value being in one set. group is positive; count is a multiple of 16 * group.
  void (*group_maxima)(const float* values, int64_t count, int64_t group, float* maxima);

  // The largest of values[i] * scale for i < count, and their standard deviation; count and scale
  // are positive. NaN or infinite where that is too large for a float.
  void (*largest_and_deviation)(const float* values, int64_t count, float scale, float* largest,
                                float* deviation);

  // Writes the indices of the values >= threshold in ascending order; returns how many. There is
  // room for 16 more than that.
  int64_t (*indices_at_least)(const float* values, int64_t count, float threshold, int32_t* out);

  // A threshold that at least `rank` of the values reach, and no more than need be because they are
  // equal. None of them is NaN; count is a positive multiple of 16, rank in [1, count].
  float (*bound_of_largest)(const float* values, int64_t count, int64_t rank);

  // True unless a value is NaN or infinite.
  bool (*all_finite)(const float* values, int64_t count);

  // values[i] = x[i] / scale to the nearest integer in [-127, 127]; returns the scale, which is the
  // largest |x[i]| / 127. Zeros, and 0, where that has no finite inverse. x is finite. The same
  // bits on every target.
  float (*quantize_int8)(const float* x, int64_t count, int8_t* values);

  // products[b][i] = (dims of block b of the query) . (centre i of block b), for codebooks laid out
  // [block][dim][16].
  void (*block_products)(const float* query, const float* codebooks, int64_t num_blocks,
                         int64_t dims_per_block, float* products);

  // minima[b] = the smallest of values[b][0..15], ranges[b] = the largest minus that.
  void (*block_ranges)(const float* values, int64_t num_blocks, float* minima, float* ranges);

  // table[b][i] = (values[b][i] - minima[b]) * scale to the nearest integer, from 0 to what
  // ranges[b] * scale, which is at most 255, is rounded to; for a NaN, too.
  void (*quantize_table)(const float* values, const float* minima, const float* ranges, float scale,
                         int64_t num_blocks, uint8_t* table);

  // The ranking of leaves, see search/partitioner.h. Leaves stand 16 to a group; i-th of the given
  // groups is groups[i], and dots, biases and scores are those of the given groups one after
  // another, the rest those of all. With product = dot * (scale of the leaf) * scale:
  //   bias = product
  //   score = bias + spread * radius
  // or, of squared distances, with squared = max(0, squared_norm - bias):
  //   bias = 2 product - leaf's squared norm
  //   score = -(squared + term - 2 spread radius sqrt(squared))
  // A score that would be NaN is -infinity.
  void (*rank_by_product)(const int32_t* dots, const float* scales, const float* radii,
                          const int32_t* groups, int64_t num_groups, float scale, float spread,
                          float* biases, float* scores);
  void (*rank_by_distance)(const int32_t* dots, const float* scales, const float* squared_norms,
                           const float* radii, const float* terms, const int32_t* groups,
                           int64_t num_groups, float scale, float squared_norm, float spread,
                           float* biases, float* scores);

  // Chooses a centre for each block (codes[b] < 16) so that e = residual - centres has a small
  //   |e|^2 + sum of weights[d] (e . direction d)^2:
  // the nearest centres, then coordinate descent over the blocks until nothing changes, max_rounds
  // times at most. residual and directions are padded with zeros to num_blocks * dims_per_block;
  // `work` has room for num_blocks * (1 + directions.count) * 16.
  void (*encode_row)(const float* residual, const ErrorDirections& directions,
                     const float* codebooks, int64_t num_blocks, int64_t dims_per_block,
                     int64_t max_rounds, float* work, uint8_t* codes);

  // out[i] = query . row rows[i] of a matrix, of values in [-127, 127]. The query is padded with
  // zeros to a multiple of 64; the matrix may be over-read by kInt8Overread bytes.
  void (*int8_dot_gathered)(const int8_t* query, const int8_t* matrix, int64_t row_stride,
                            const int32_t* rows, int64_t num_rows, int64_t dims, int32_t* out);

  // out[i * 16 + r] = query . row r of group groups[i], for rows packed 16 at a time, see
  // kInt8PackedRows, dims being a multiple of 4.
  void (*int8_dot_packed)(const int8_t* query, const int8_t* packed, const int32_t* groups,
                          int64_t num_groups, int64_t dims, int32_t* out);

  // Sums the table entries that each candidate's codes select, and writes out the hits.
  void (*lut16_scan)(const Lut16Scan& scan, Lut16Query* queries, int64_t num_queries);

  // A threshold that at least `rank` of the scores reach and at most `most`, if there is one; else
  // the largest that `rank` of them reach, because more are equal. None of them is below `lowest`;
  // rank is in [1, count], most >= rank; behind the scores there are zeros up to a multiple of 32.
  uint16_t (*bound_of_scores)(const uint16_t* scores, int64_t count, int64_t rank, int64_t most,
                              uint16_t lowest);

  // Moves the scores that reach the threshold to the front, and their positions, in order; returns
  // how many. There is room up to a multiple of 32, with anything in it.
  int64_t (*keep_scores_at_least)(uint16_t* scores, uint32_t* positions, int64_t count,
                                  uint16_t threshold);

  // positions[i] = places[i] + shifts[places[i] / kLut16Group], in 32 bits, for kLut16MaxGroups
  // shifts. There is room up to a multiple of 32, in `places` with anything in it.
  void (*shift_places)(const uint16_t* places, int64_t count, const uint32_t* shifts,
                       uint32_t* positions);
};

// The kernels of a supported target.
const Kernels& KernelsFor(Target target);

// The kernels of ActiveTarget().
const Kernels& ActiveKernels();

// Asks for the cache lines of [data, data + bytes) in the first-level cache.
inline void PrefetchToL1(const void* data, int64_t bytes) {
  const char* begin = static_cast<const char*>(data);
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(begin + i, 0, 3);
}

}  // namespace tfscann

#endif  // TFSCANN_KERNELS_KERNELS_H_
