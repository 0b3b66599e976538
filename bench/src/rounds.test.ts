import { expect, test } from "vitest";
import { type CaseResult, ratiosOf, runCase, valuesOf } from "./rounds.js";
import type { Measurement, Trial, TrialCase } from "./trial.js";
import { idle } from "./trials/idle.js";

const TIMEOUT_MS = 60_000;

const anyCase: TrialCase = { title: "any", parameters: {}, pinned: false, goals: [] };

function resultOf(measurements: Record<string, Measurement[]>): CaseResult {
  return { trial: idle, case: anyCase, measurements };
}

test("a ratio is one of the same round, whatever is missing in others", () => {
  const result = resultOf({
    abacus: [{ sums: 100 }, {}, { sums: 300 }, { sums: 800 }],
    fingers: [{ sums: 10 }, { sums: 1 }, {}, { sums: 100 }],
  });
  expect(ratiosOf(result, "abacus", "fingers", "sums")).toEqual({ median: 9, least: 8, most: 10 });
  expect(ratiosOf(result, "fingers", "abacus", "sums")).toMatchObject({ least: 0.1, most: 0.125 });
  expect(valuesOf(result, "abacus", "sums")).toEqual({ median: 300, least: 100, most: 800 });
});

test("there is no ratio where no round has both, nor to who was not measured", () => {
  const result = resultOf({ abacus: [{ sums: 1 }, {}], fingers: [{}, { sums: 1 }] });
  expect(ratiosOf(result, "abacus", "fingers", "sums")).toBeUndefined();
  expect(ratiosOf(result, "abacus", "toes", "sums")).toBeUndefined();
});

test("every other round runs backwards", { timeout: TIMEOUT_MS }, async () => {
  const rivals = idle.rivals.slice(0, 2);
  const [first, second] = rivals;
  const ran: string[] = [];
  const environmentOf = (rival: string) => {
    ran.push(rival);
    return {};
  };
  const trial: Trial = {
    ...idle,
    rivals,
    environmentOf,
    childEntry: new URL("../dist/child.js", import.meta.url),
    measureMs: 1,
  };
  const result = await runCase(trial, anyCase, {
    rounds: 3,
    measureMs: 1,
    warmUpMs: 0,
    seed: 1,
    folder: "",
    cpu: undefined,
    signal: new AbortController().signal,
    onMeasured: () => undefined,
  });
  expect(ran).toEqual([first, second, second, first, first, second]);
  expect(rivals.map((rival) => result.measurements[rival]?.length)).toEqual([3, 3]);
});
