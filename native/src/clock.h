#pragma once

#include <cstdint>
#include <ctime>

namespace ringpost {

// What process.hrtime reads, too.
inline uint64_t MonotonicNs() {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace ringpost
