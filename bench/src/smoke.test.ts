// Every trial runs, for a few milliseconds, so that it can't rot. How fast it is doesn't matter here.
import { describe, expect, test } from "vitest";
// Pools load their workers from files: the built ones.
import { measureRival } from "../dist/pooling/measure.js";
import { contenders, rivalName } from "./pooling/rivals.js";
import { rivalsOf } from "./pooling/trial.js";
import { WORKLOADS, workloadNames } from "./pooling/workloads.js";
import type { Measurement, Task } from "./trial.js";
import { trials } from "./trials/index.js";
import { withWorkFolder } from "./work-folder.js";

const SEED = Number(process.env.RINGPOST_SEED ?? 1);
const TIMEOUT_MS = 60_000;

describe.each(trials)("trial $name", (trial) => {
  const cases = trial.cases({ depths: [1, 32], placements: ["free", "pinned"] });

  test("has cases, and goals for rivals and metrics that it has", () => {
    expect(cases.length).toBeGreaterThan(0);
    for (const { rival, against, metric } of cases.flatMap(({ goals }) => goals)) {
      expect(trial.rivals).toContain(rival);
      if (against !== undefined) expect(trial.rivals).toContain(against);
      expect(trial.metrics.map(({ key }) => key)).toContain(metric);
    }
    for (const rival of trial.ours) expect(trial.rivals).toContain(rival);
  });

  test.each(trial.rivals)(
    "measures %s",
    async (rival) => {
      await withWorkFolder("ringpost-smoke-", async (folder) => {
        trial.makeFixture?.(folder, SEED);
        for (const { parameters } of cases) {
          const task: Task = {
            trial: trial.name,
            rival,
            parameters,
            folder,
            seed: SEED,
            warmUpMs: 1,
            measureMs: 5,
          };
          expectCountable(await trial.measure(task));
        }
      });
    },
    TIMEOUT_MS,
  );
});

test.each(workloadNames)(
  "pooling measures %s",
  async (workload) => {
    await withWorkFolder("ringpost-smoke-", async (folder) => {
      WORKLOADS[workload].makeFixture?.(folder, SEED, 1 / 16);
      for (const rival of rivalsOf(workload, { contenders, workers: [2], threadPoolSize: 4 })) {
        const measurement = await measureRival({
          trial: workload,
          rival: rivalName(rival),
          parameters: {},
          folder,
          seed: SEED,
          warmUpMs: 1,
          measureMs: 5,
        });
        expectCountable(measurement);
        expect(measurement.operations).toBeGreaterThan(0);
      }
    });
  },
  TIMEOUT_MS,
);

function expectCountable(measurement: Measurement): void {
  const values = Object.values(measurement);
  expect(values).not.toHaveLength(0);
  for (const value of values) expect(value).toSatisfy(isCountable);
}

function isCountable(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}
