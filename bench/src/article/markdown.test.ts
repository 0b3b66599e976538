import { expect, test } from "vitest";
import { describeMachine } from "../machine.js";
import type { CaseResult } from "../rounds.js";
import type { Trial } from "../trial.js";
import { cells, cellTitle, toParameters } from "./cells.js";
import { toMarkdown } from "./markdown.js";

const names = ["ringpost", "fio io_uring", "FileHandle", "piscina + sync fs"];

const trial: Trial = {
  name: "article",
  title: "Random transfers",
  rivals: names,
  ours: ["ringpost"],
  metrics: [
    { key: "opsPerSecond", title: "ops/s", digits: 0 },
    { key: "opsPerCpuSecond", title: "ops/CPU s", digits: 0 },
  ],
  notMeasured: [],
  cases: () => [],
  measure: async () => ({}),
};

const [cell] = cells;
const result: CaseResult = {
  trial,
  case: {
    title: cellTitle(cell!),
    parameters: toParameters(cell!),
    pinned: false,
    goals: [
      { rival: "ringpost", metric: "opsPerSecond", against: "fio io_uring", atLeast: 0.85 },
      { rival: "ringpost", metric: "opsPerSecond", against: "FileHandle", atLeast: 1 },
    ],
  },
  measurements: {
    ringpost: [{ opsPerSecond: 12_000, opsPerCpuSecond: 40_000 }],
    "fio io_uring": [{ opsPerSecond: 16_000, opsPerCpuSecond: 80_000 }],
    FileHandle: [{ opsPerSecond: 8000, opsPerCpuSecond: 20_000 }],
    "piscina + sync fs": [{ opsPerSecond: 10_000, opsPerCpuSecond: 10_000 }],
  },
};

const setup = { machine: describeMachine(), seed: 4711, rounds: 1, measureMs: 50, warmUpMs: 5 };
const page = toMarkdown({
  setup,
  results: [result],
  notMeasured: ["the weather"],
  fileBytes: 4 << 20,
  fio: "fio-3.33",
  pictures: [{ name: "depth-8", title: "Depth 8" }],
});

test("ours stands beside fio, the fastest and the thriftiest of Node's ways", () => {
  expect(page).toContain(
    "| O_DIRECT, 16 KiB, depth 8 | 12,000 | 0.75 | piscina + sync fs | 1.20 | 4.00 | FileHandle | 2.00 |",
  );
});

test("each goal that was missed is told", () => {
  expect(page).toContain("1 of 2 reached.");
  expect(page).toContain("ringpost at least 0.85 × fio io_uring (ops/s); is 0.75");
  expect(page).not.toContain("at least 1.00 × FileHandle");
});

test("the page tells of the set-up, of fio's options, and of what wasn't measured", () => {
  for (const text of [
    "seed 4711",
    "- fio-3.33",
    "--fixedbufs=1",
    "![Depth 8](depth-8.svg)",
    "- the weather",
  ])
    expect(page).toContain(text);
});

test("a page about nothing says so", () => {
  const nothing = { setup, results: [], notMeasured: [], fileBytes: 0, fio: undefined };
  expect(toMarkdown({ ...nothing, pictures: [] })).toBe("Nothing was measured.\n");
});
