import { expect, it } from "vitest";
import { percentile, readHistogram, sumHistograms } from "./histogram.js";

const histogram = (...counts: number[]) => readHistogram((at) => counts[at]!, 0, counts.length);

it("a histogram has all its buckets, by powers of two", () => {
  expect(histogram(3, 0, 5)).toEqual([
    { upTo: 1, count: 3 },
    { upTo: 2, count: 0 },
    { upTo: 4, count: 5 },
  ]);
});

it("histograms are summed bucket by bucket, none of them being zeros", () => {
  expect(sumHistograms([histogram(1, 2), histogram(10, 20)], 2)).toEqual(histogram(11, 22));
  expect(sumHistograms([], 2)).toEqual(histogram(0, 0));
});

it("a percentile lies in the bucket that has it", () => {
  const counts = histogram(0, 0, 0, 90, 0, 0, 9, 1); // up to 8, 64, 128
  expect(percentile(counts, 50)).toBeGreaterThan(4);
  expect(percentile(counts, 50)).toBeLessThan(8);
  expect(percentile(counts, 90)).toBe(8);
  expect(percentile(counts, 99)).toBe(64);
  expect(percentile(counts, 99.9)).toBeGreaterThan(64);
  expect(percentile(counts, 100)).toBe(128);
});

it("percentiles never fall as the percentage rises", () => {
  const counts = histogram(1, 5, 0, 7, 2);
  const all = Array.from({ length: 100 }, (_, nth) => percentile(counts, nth + 1));
  expect(all).toEqual(all.toSorted((one, other) => one - other));
});

it("the percentile of nothing is 0", () => {
  expect(percentile(histogram(0, 0, 0), 99)).toBe(0);
  expect(percentile([], 50)).toBe(0);
});

it.each([0, -1, 100.1, Number.NaN])("%d is no percentage", (percent) => {
  expect(() => percentile(histogram(1), percent)).toThrow(
    expect.objectContaining({ code: "ERR_OUT_OF_RANGE" }),
  );
});

it("a percentage is a number", () => {
  expect(() => percentile(histogram(1), "50" as unknown as number)).toThrow(
    expect.objectContaining({ code: "ERR_INVALID_ARG_TYPE" }),
  );
});
