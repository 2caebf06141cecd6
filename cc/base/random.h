// Random numbers keyed by (seed, stage, item): what an item draws depends on neither the order in
// which items are processed nor the thread. SplitMix64 (Steele, Lea, Flood: "Fast Splittable
// Pseudorandom Number Generators", OOPSLA 2014). Standard library only.
#ifndef TFSCANN_BASE_RANDOM_H_
#define TFSCANN_BASE_RANDOM_H_

#include <cstdint>

namespace tfscann {

constexpr uint64_t MixBits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

class Random {
 public:
  Random(uint64_t seed, uint64_t stage, uint64_t item)
      : state_(MixBits(MixBits(MixBits(seed + kIncrement) + stage + kIncrement) + item)) {}

  uint64_t Next() { return MixBits(state_ += kIncrement); }

  // Uniform in [0, bound); bound > 0. The bias, at most bound / 2^64, does not matter here.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }

  // Uniform in [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

 private:
  static constexpr uint64_t kIncrement = 0x9e3779b97f4a7c15ull;
  uint64_t state_;
};

}  // namespace tfscann

#endif  // TFSCANN_BASE_RANDOM_H_
