// Histograms in the shared memory, by powers of two: bucket n counts values up to 2^n that are more
// than 2^(n-1), the last one all above, too. packages/protocol/src/histogram.ts is the JavaScript
// half.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "shared_words.h"

namespace ringpost {

// 0 has no bucket of its own: it is counted with 1.
inline uint32_t BucketOf(uint64_t value, uint32_t bucket_count) {
  if (value <= 1) return 0;
  return std::min(static_cast<uint32_t>(std::bit_width(value - 1)), bucket_count - 1);
}

// One thread writes, others read for statistics, as with any counter.
inline void CountInto(uint64_t* buckets, uint32_t bucket_count, uint64_t value) {
  Count(buckets[BucketOf(value, bucket_count)]);
}

}  // namespace ringpost
