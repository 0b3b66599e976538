import { expect, test } from "vitest";
import { describeMachine } from "./machine.js";
import { notMeasuredLines, reportCase, toJson } from "./report.js";
import { type CaseResult, judge } from "./rounds.js";
import type { Goal, Trial } from "./trial.js";

const trial: Trial = {
  name: "sums",
  title: "Adding numbers",
  rivals: ["abacus", "fingers"],
  ours: ["abacus"],
  metrics: [
    { key: "sums", title: "sums/s", digits: 0 },
    { key: "beads", title: "beads", digits: 1, isDetail: true },
  ],
  notMeasured: ["subtraction"],
  cases: () => [],
  measure: async () => ({}),
};

function resultWith(...goals: Goal[]): CaseResult {
  return {
    trial,
    case: { title: "small numbers", parameters: {}, pinned: false, goals },
    measurements: {
      abacus: [
        { sums: 300, beads: 7 },
        { sums: 100, beads: 8 },
        { sums: 200, beads: 9 },
      ],
      // As slow as the abacus in the second round: something disturbed both.
      fingers: [{ sums: 100 }, { sums: 50 }, { sums: 80 }],
    },
  };
}

test("a case shows medians, the range, and the ratio within each round", () => {
  const report = reportCase(resultWith());
  expect(report).toMatch(/abacus\s+│\s+200\s+│\s+100 – 300/);
  expect(report).toContain("abacus: 2.50 × fingers (2.00 – 3.00)");
  expect(report).toContain("abacus: 8.0 beads");
});

test("goals are judged by the median", () => {
  const goal = { metric: "sums", rival: "abacus" };
  const goals: Goal[] = [
    { ...goal, atLeast: 200 },
    { ...goal, atLeast: 201 },
    { ...goal, atMost: 200 },
    { ...goal, against: "fingers", atLeast: 2.5 },
    { ...goal, against: "fingers", atLeast: 2.6 },
    { metric: "beads", rival: "fingers", atMost: 1 },
  ];
  const result = resultWith(...goals);
  expect(judge(result).map(({ isMet }) => isMet)).toEqual([true, false, true, true, false, false]);
  expect(reportCase(result)).toContain("reached  abacus: at least 2.50 × fingers; is 2.50");
  expect(reportCase(result)).toContain("MISSED   abacus: at least 201 sums/s; is 200");
});

test("JSON has every round, the machine and the seed", () => {
  const result = resultWith();
  const machine = describeMachine();
  const setup = { machine, seed: 5, rounds: 3, measureMs: 10, warmUpMs: 1 };
  const json: unknown = JSON.parse(toJson(setup, [result], notMeasuredLines([result], [])));
  expect(json).toMatchObject({
    machine: { kernel: machine.kernel, node: process.version, commit: expect.any(String) },
    seed: 5,
    notMeasured: expect.arrayContaining(["sums: subtraction"]),
    cases: [
      {
        trial: "sums",
        pinned: false,
        ratios: [{ rival: "abacus", against: "fingers", ratio: { median: 2.5 } }],
        rivals: [
          { rival: "abacus", summary: { sums: { median: 200, least: 100, most: 300 } } },
          { rival: "fingers", rounds: result.measurements.fingers },
        ],
      },
    ],
  });
});
