#include "cc/build/norm_codebook.h"

#include <algorithm>
#include <cmath>

#include "cc/search/options.h"
#include "gtest/gtest.h"

namespace tfscann::testing {
namespace {

double Decoded(const std::vector<float>& codebooks, double term) {
  uint8_t codes[kNormBlocks];
  EncodeNormTerm(codebooks, term, codes);
  double sum = 0;
  for (int block = 0; block < kNormBlocks; ++block) {
    EXPECT_LT(codes[block], 16);
    sum += codebooks[block * 16 + codes[block]];
  }
  return sum;
}

double Range(const std::vector<float>& codebooks) { return codebooks[15] - codebooks[0]; }

// The ranges of 50 other blocks.
std::vector<float> Blocks(float range) { return std::vector<float>(50, range); }

std::vector<double> EvenTerms() {
  std::vector<double> terms;
  for (int i = 1000; i >= -600; --i) terms.push_back(i / 100.0);
  return terms;
}

TEST(NormCodebookTest, NearlyAllAreKeptWhereThatCostsNoPrecision) {
  const std::vector<float> codebooks = FitNormCodebooks(EvenTerms(), Blocks(20));
  ASSERT_EQ(codebooks.size(), 16u * kNormBlocks);
  const double step = 16.0 / (15 * kNormBlocks);
  for (double term = -5.5; term <= 9.8; term += 0.01) {
    EXPECT_NEAR(Decoded(codebooks, term), term, 0.5001 * step);
  }
  // What is cut off becomes the nearest that is not; NaN, the lowest.
  for (const double term : {-100.0, -6.0, std::nan("")}) {
    EXPECT_EQ(static_cast<float>(Decoded(codebooks, term)), kNormBlocks * codebooks[0]);
  }
  EXPECT_EQ(static_cast<float>(Decoded(codebooks, 100)), kNormBlocks * codebooks[15]);
}

// Blocks whose range is that of the others, at the price of a few outliers; low ones cost little.
TEST(NormCodebookTest, OutliersAreCutOff) {
  std::vector<double> terms = EvenTerms();
  terms.push_back(-1000);
  terms.push_back(1000);
  for (int i = 0; i < 100; ++i) terms.push_back(-50 - i);
  const std::vector<float> codebooks = FitNormCodebooks(terms, Blocks(2));
  const double lowest = Decoded(codebooks, -1e6), highest = Decoded(codebooks, 1e6);
  EXPECT_GT(lowest, -60);
  EXPECT_LT(highest, 20);
  EXPECT_GE(highest, 8);
  for (const double term : {-3.0, 0.0, 5.0}) {
    EXPECT_NEAR(Decoded(codebooks, term), term, (highest - lowest) / (15 * kNormBlocks));
  }
  // Where entries are coarse anyway, more is kept.
  EXPECT_GT(Range(FitNormCodebooks(terms, Blocks(40))), Range(codebooks));
}

TEST(NormCodebookTest, EqualTermsAreExact) {
  for (const double term : {0.0, 3.25, -1e20}) {
    const std::vector<float> codebooks = FitNormCodebooks({term, term}, Blocks(1));
    EXPECT_EQ(static_cast<float>(Decoded(codebooks, term)), static_cast<float>(term));
    EXPECT_EQ(Range(codebooks), 0);
  }
}

TEST(NormCodebookTest, HugeTermsStayFinite) {
  for (const float value : FitNormCodebooks({-1e300, 0, 1e300}, Blocks(1))) {
    EXPECT_TRUE(std::isfinite(value));
  }
}

}  // namespace
}  // namespace tfscann::testing
