// From measurements to the report: goals, records, Markdown, charts.
import { expect, test } from "vitest";
import { groupedBars } from "../chart.js";
import { describeMachine } from "../machine.js";
import type { CaseResult } from "../rounds.js";
import type { Measurement } from "../trial.js";
import { withWorkFolder } from "../work-folder.js";
import { chartOf, overviewOf } from "./charts.js";
import { goalsOf } from "./goals.js";
import { table, toMarkdown, verdictLine } from "./markdown.js";
import { readRecords, toRecord, type WorkloadRecord, writeRecord } from "./record.js";
import { parseRival } from "./rivals.js";
import { poolingTrial } from "./trial.js";
import type { WorkloadName } from "./workloads.js";

const MAIN = "ringpost, main thread";

function measured(opsPerSecond: number, rssMiB = 100): Measurement {
  const cpuSecondsPerMillion = 1e6 / opsPerSecond;
  return { opsPerSecond, opsPerCpuSecond: opsPerSecond, cpuSecondsPerMillion, p99Us: 9, rssMiB };
}

function resultOf(workload: WorkloadName, rivals: Record<string, Measurement>): CaseResult {
  const trial = poolingTrial(workload, Object.keys(rivals).map(parseRival));
  const [all] = trial.cases({ depths: [], placements: ["free"] });
  const measurements = Object.entries(rivals).map(([rival, each]) => [rival, [each, each]]);
  return { trial, case: all!, measurements: Object.fromEntries(measurements) };
}

const offload = resultOf("offload", {
  "piscina + sync fs; 1 worker": measured(10, 90),
  "piscina + sync fs; 4 workers": measured(30, 180),
  "piscina + sync fs, bytes copied; 1 worker": measured(20, 90),
  "tinypool + sync fs; 4 workers": measured(1000),
  [MAIN]: measured(150, 72),
});

const reads = resultOf("reads", {
  "piscina + sync fs; 4 workers": measured(1000),
  "piscina + fs/promises; 4 workers": measured(100),
  "piscina + one ringpost engine; 4 workers": measured(190),
  [MAIN]: measured(500),
});

const setup = {
  machine: describeMachine(),
  seed: 1,
  rounds: 2,
  measureMs: 10,
  warmUpMs: 5,
};

const records: WorkloadRecord[] = [
  toRecord("reads", setup, reads, undefined),
  toRecord("offload", setup, offload, undefined),
];

test("offloading is compared with piscina's best number of workers, tinypool aside", () => {
  const goals = goalsOf("offload", offload);
  expect(new Set(goals.map(({ against }) => against))).toEqual(
    new Set(["piscina + sync fs; 4 workers"]),
  );
  const { verdicts } = toRecord("offload", setup, offload, undefined);
  expect(verdicts.map(({ goal, isMet }) => [goal.metric, isMet])).toEqual([
    ["opsPerSecond", true],
    ["opsPerCpuSecond", true],
    ["rssMiB", false],
    ["addedRssMiB", false],
  ]);
});

test("goals for rivals that weren't measured are left out", () => {
  expect(goalsOf("direct", resultOf("direct", { [MAIN]: measured(1) }))).toEqual([]);
});

test("lines tell goals, reached or missed, from findings", () => {
  const lines = toRecord("reads", setup, reads, undefined).verdicts.map(verdictLine);
  const shared = "piscina + one ringpost engine; 4 workers";
  expect(lines).toContain(
    `  **missed**: ${shared} is 1.90 (1.90 – 1.90) × piscina + fs/promises; 4 workers in ops/s, to be ≥ 2.00`,
  );
  expect(lines).toContain(
    `  finding: ${shared} is 0.19 (0.19 – 0.19) × piscina + sync fs; 4 workers in ops/s`,
  );
});

test("records are read as they were written, in the order of the report", async () => {
  await withWorkFolder("ringpost-pooling-test-", async (folder) => {
    for (const record of [...records].reverse()) writeRecord(folder, record);
    expect(readRecords(folder)).toEqual(JSON.parse(JSON.stringify(records)));
  });
});

test("the report has a section, a table and a picture per workload, and says what a task is", () => {
  const markdown = toMarkdown(records);
  expect(markdown).toContain("## What a task is");
  expect(markdown).toContain(
    "![Random reads of 4 KiB, from a file of 64 MiB in the page cache](reads.svg)",
  );
  expect(markdown).toMatch(/\| \*\*ringpost, main thread\*\* \| – \| 500 \|/);
  expect(markdown).toMatch(
    /\| offload \| ringpost, main thread \|.*\| 5\.00 .*\| ≥ 5\.00 \| reached \|/,
  );
  expect(markdown).toContain(`commit ${setup.machine.commit}`);
});

test("numbers stand right in a table", () => {
  expect(
    table(
      ["engine", "ops/s"],
      [
        ["one", "1,000"],
        ["two", "–"],
      ],
    ),
  ).toBe("| engine | ops/s |\n| :-- | --: |\n| one | 1,000 |\n| two | – |");
});

test("a chart has a panel per metric, and what has no pool comes last", async () => {
  const chart = chartOf(records[0]!);
  expect([...new Set(chart.rows.map(({ panel }) => panel))]).toHaveLength(4);
  expect(chart.rows[0]).toMatchObject({ x: "4 workers", value: 1000, least: 1000, most: 1000 });
  expect(chart.rows[3]).toMatchObject({ x: "no pool", series: MAIN });
  expect(await groupedBars(chart)).toContain("Operations per second");
});

test("the overview compares loops with piscina + fs/promises", () => {
  const { rows } = overviewOf(records);
  expect(rows.map(({ x, value }) => [x, value])).toEqual([
    ["reads", 10],
    ["reads", 1],
    ["reads", 1.9],
    ["reads", 5],
  ]);
});
