// Random numbers that can be had again: the seed is printed, and taken from RINGPOST_SEED.
#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace ringpost {

// The seed of this run of the program; printed when it is first asked for.
inline uint64_t RunSeed() {
  static const uint64_t seed = [] {
    const char* given = std::getenv("RINGPOST_SEED");
    timespec now = {};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const uint64_t chosen =
        given != nullptr ? std::strtoull(given, nullptr, 10) : static_cast<uint64_t>(now.tv_nsec);
    std::printf("seed %" PRIu64 " (RINGPOST_SEED=%" PRIu64 " repeats it)\n", chosen, chosen);
    return chosen;
  }();
  return seed;
}

// SplitMix64. One per thread, each with a stream of its own.
class Random {
 public:
  explicit Random(uint64_t stream) : state_(RunSeed() + stream * 0x9e37'79b9'7f4a'7c15) {}

  uint64_t Bits() {
    uint64_t bits = state_ += 0x9e37'79b9'7f4a'7c15;
    bits = (bits ^ (bits >> 30)) * 0xbf58'476d'1ce4'e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d0'49bb'1331'11eb;
    return bits ^ (bits >> 31);
  }

  uint32_t Word() { return static_cast<uint32_t>(Bits() >> 32); }

  // From 0 to limit - 1.
  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(uint64_t{Word()} * limit >> 32); }

  bool OneIn(uint32_t chances) { return Below(chances) == 0; }

 private:
  uint64_t state_;
};

}  // namespace ringpost
