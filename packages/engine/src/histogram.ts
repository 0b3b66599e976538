import { invalidArgType, outOfRange } from "@ringpost/client";

/** One bucket of a histogram by powers of two: plain data, to subtract, to send, to store. */
export interface HistogramBucket {
  /** Largest value that is counted here; more than half of it, but in the first bucket. The last bucket counts all above, too. */
  readonly upTo: number;
  readonly count: number;
}

/**
 * Reads the counts that begin at a word of a histogram. Every histogram of a kind has the same buckets, those without a count
 * included, so that two readings can be subtracted bucket by bucket.
 */
export function readHistogram(
  countAt: (word: number) => number,
  firstWord: number,
  buckets: number,
): HistogramBucket[] {
  return Array.from({ length: buckets }, (_, nth) => ({
    upTo: 2 ** nth,
    count: countAt(firstWord + nth),
  }));
}

/** Adds up histograms of one kind. */
export function sumHistograms(
  histograms: readonly (readonly HistogramBucket[])[],
  buckets: number,
): HistogramBucket[] {
  return Array.from({ length: buckets }, (_, nth) => ({
    upTo: 2 ** nth,
    count: histograms.reduce((sum, histogram) => sum + (histogram[nth]?.count ?? 0), 0),
  }));
}

/**
 * Estimates a percentile of a histogram of `engine.stats()`: within its bucket by the share of the counts, so never off by more
 * than a factor of two. In the unit of the histogram; 0 where nothing was counted.
 * @param histogram of one engine or client, or the difference of two readings
 * @param percent more than 0, up to 100, as in node:perf_hooks
 */
export function percentile(histogram: readonly HistogramBucket[], percent: number): number {
  if (typeof percent !== "number") throw invalidArgType("percent", "of type number", percent);
  if (!(percent > 0 && percent <= 100)) throw outOfRange("percent", "> 0 && <= 100", percent);
  const total = histogram.reduce((sum, { count }) => sum + count, 0);
  const rank = Math.max(1, (total * percent) / 100);
  let below = 0;
  for (const { upTo, count } of histogram) {
    if (count > 0 && below + count >= rank) {
      const from = upTo <= 1 ? 0 : upTo / 2;
      return from + (upTo - from) * ((rank - below) / count);
    }
    below += count;
  }
  return 0;
}
