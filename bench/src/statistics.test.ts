import { expect, test } from "vitest";
import { summarize } from "./statistics.js";

test.each([
  [[3], { median: 3, least: 3, most: 3 }],
  [[10, 9, 1], { median: 9, least: 1, most: 10 }],
  [[4, 1, 3, 2], { median: 2.5, least: 1, most: 4 }],
  [[], undefined],
])("%j comes to %j", (values, summary) => {
  expect(summarize(values)).toEqual(summary);
});
