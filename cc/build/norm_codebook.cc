#include "cc/build/norm_codebook.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cc/base/aligned_buffer.h"
#include "cc/base/finite.h"
#include "cc/search/lookup_table.h"
#include "cc/search/options.h"

namespace tfscann {
namespace {

constexpr int kSteps = 15 * kNormBlocks;

// What an end cuts off: nothing, or one term in 2^14, 2^13 ... 2^3.
constexpr int kCuts = 13;
int64_t NumCutOff(int cut, int64_t count) { return cut == 0 ? 0 : count >> (15 - cut); }

// A low term that is cut off costs this much of what a high one does: its candidate is too far from
// everything to be taken for a near one, mostly.
constexpr double kLowWeight = 0.03;

struct Range {
  double low;
  double high;
  double width() const { return high - low; }
};

// Of rounding the entries of a lookup table and the term: the mean square.
double RoundingLoss(const Range& range, std::vector<float> block_ranges) {
  block_ranges.insert(block_ranges.end(), kNormBlocks, ToFiniteFloat(range.width() / kNormBlocks));
  const auto num_blocks = static_cast<int64_t>(block_ranges.size());
  block_ranges.resize(RoundUp(num_blocks, 4));
  const double unit =
      1.0 / static_cast<double>(TableScale(block_ranges.data(), num_blocks, /*allowance=*/0));
  const double step = range.width() / kSteps;
  return (static_cast<double>(num_blocks) * unit * unit + step * step) / 12;
}

// The range in which cutting off and rounding lose the least together. No term loses more by being
// cut off than the width of the middle ones, so that a few far ones do not decide.
Range ChooseRange(const std::vector<double>& sorted, const std::vector<float>& block_ranges) {
  const auto count = static_cast<int64_t>(sorted.size());
  const double most =
      sorted[count - 1 - NumCutOff(kCuts - 1, count)] - sorted[NumCutOff(kCuts - 1, count)];
  double lows[kCuts], highs[kCuts], low_losses[kCuts] = {}, high_losses[kCuts] = {};
  for (int cut = 0; cut < kCuts; ++cut) {
    const int64_t cut_off = NumCutOff(cut, count);
    lows[cut] = sorted[cut_off];
    highs[cut] = sorted[count - 1 - cut_off];
    for (int64_t i = 0; i < cut_off; ++i) {
      const double low = std::min(most, lows[cut] - sorted[i]);
      const double high = std::min(most, sorted[count - 1 - i] - highs[cut]);
      low_losses[cut] += kLowWeight * low * low / static_cast<double>(count);
      high_losses[cut] += high * high / static_cast<double>(count);
    }
  }
  Range best = {lows[0], highs[0]};
  double least = std::numeric_limits<double>::infinity();
  for (int low = 0; low < kCuts; ++low) {
    for (int high = 0; high < kCuts; ++high) {
      const Range range = {lows[low], highs[high]};
      const double loss = RoundingLoss(range, block_ranges) + low_losses[low] + high_losses[high];
      if (loss < least) best = range;
      least = std::min(least, loss);
    }
  }
  return best;
}

}  // namespace

std::vector<float> FitNormCodebooks(std::vector<double> terms,
                                    const std::vector<float>& block_ranges) {
  std::sort(terms.begin(), terms.end());
  const Range range = ChooseRange(terms, block_ranges);
  std::vector<float> codebooks(kNormBlocks * 16);
  for (int i = 0; i < kNormBlocks * 16; ++i) {
    codebooks[i] = ToFiniteFloat(range.low / kNormBlocks + range.width() / kSteps * (i % 16));
  }
  return codebooks;
}

void EncodeNormTerm(const std::vector<float>& codebooks, double term, uint8_t* codes) {
  const double low = static_cast<double>(codebooks[0]) * kNormBlocks;
  const double step = (static_cast<double>(codebooks[15]) - codebooks[0]) / 15;
  const double wanted = step > 0 ? std::nearbyint((term - low) / step) : 0.0;
  // In this order NaN becomes 0.
  int steps = static_cast<int>(std::min<double>(kSteps, std::max(0.0, wanted)));
  for (int block = 0; block < kNormBlocks; ++block) {
    codes[block] = static_cast<uint8_t>(std::min(15, steps));
    steps -= codes[block];
  }
}

}  // namespace tfscann
