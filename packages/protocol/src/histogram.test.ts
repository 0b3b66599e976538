import { expect, it } from "vitest";
import { BATCH_BUCKETS, batchBucket } from "./histogram.js";

it.each([
  [1, 0],
  [2, 1],
  [3, 2],
  [4, 2],
  [5, 3],
  [32, 5],
  [33, 6],
  [2 ** 15, 15],
])("a batch of %d is counted in bucket %d", (size, bucket) => {
  expect(batchBucket(size)).toBe(bucket);
});

it("what is larger than the last bucket says is counted there", () => {
  expect(batchBucket(2 ** 15 + 1)).toBe(BATCH_BUCKETS - 1);
  expect(batchBucket(2 ** 31)).toBe(BATCH_BUCKETS - 1);
});

it("each power of two ends its bucket", () => {
  for (let bits = 1; bits < BATCH_BUCKETS; bits++) {
    expect(batchBucket(2 ** bits)).toBe(bits);
    expect(batchBucket(2 ** bits - 1)).toBe(bits === 1 ? 0 : bits);
  }
});
