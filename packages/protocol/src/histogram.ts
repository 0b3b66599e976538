/**
 * Histograms in shared memory: counts by powers of two, in u64 words beside each other. Bucket n counts values up to 2ⁿ that are
 * more than 2ⁿ⁻¹; the last one counts all above, too. `native/src/histogram.h` is the C++ half.
 */

/** Buckets of a histogram of latencies: up to 2³⁹ ns, nine minutes. */
export const LATENCY_BUCKETS = 40;

/** Buckets of a histogram of batch sizes: up to 2¹⁵, the kernel's largest submission queue. */
export const BATCH_BUCKETS = 16;

/** The bucket of a batch of at least one. */
export function batchBucket(size: number): number {
  return Math.min(32 - Math.clz32(size - 1), BATCH_BUCKETS - 1);
}
