import { createHistogram } from "node:perf_hooks";
import { expect, test } from "vitest";
import {
  ClosedLoop,
  measurementOf,
  runBlocking,
  runCallbacks,
  runPromises,
} from "./closed-loop.js";

/** Counts how many operations are on their way, and the most that were. */
class Gauge {
  now = 0;
  most = 0;

  async operate(): Promise<number> {
    this.most = Math.max(this.most, ++this.now);
    await new Promise(setImmediate);
    return --this.now;
  }
}

test("as many promises as the depth says are on their way", async () => {
  const gauge = new Gauge();
  const loop = new ClosedLoop(5);
  await runPromises(
    loop,
    7,
    () => gauge.operate(),
    () => undefined,
  );
  expect(gauge).toEqual({ now: 0, most: 7 });
  expect(loop.measurement().operations).toBeGreaterThan(0);
});

test("as many callbacks as the depth says are on their way", async () => {
  const gauge = new Gauge();
  const loop = new ClosedLoop(5);
  await runCallbacks<number>(
    loop,
    7,
    (_, done) => void gauge.operate().then((value) => done(null, value)),
    () => undefined,
  );
  expect(gauge).toEqual({ now: 0, most: 7 });
  expect(loop.measurement().operations).toBeGreaterThan(0);
});

test("an operation that fails ends the run", async () => {
  const failure = new Error("as asked");
  const refuse = (): never => {
    throw failure;
  };
  const loops = [
    runPromises(new ClosedLoop(1e6), 1, async () => 0, refuse),
    runPromises(new ClosedLoop(1e6), 1, refuse, () => undefined),
    runCallbacks<number>(new ClosedLoop(1e6), 1, (_, done) => setImmediate(done, null, 0), refuse),
    runCallbacks<number>(
      new ClosedLoop(1e6),
      1,
      (_, done) => setImmediate(done, failure, 0),
      () => undefined,
    ),
  ];
  for (const loop of loops) await expect(loop).rejects.toBe(failure);
});

test("what blocks runs one at a time, until the time is up", () => {
  const loop = new ClosedLoop(5, 1);
  let operations = 0;
  runBlocking(
    loop,
    () => ++operations,
    (result) => expect(result).toBe(operations),
  );
  expect(loop.isOver).toBe(true);
  expect(loop.tally.operations).toBe(operations);
});

test("a check is told which chain the result is of", async () => {
  const chains = new Set<number>();
  await runPromises(
    new ClosedLoop(5),
    3,
    async (chain) => chain,
    (result, chain) => {
      expect(result).toBe(chain);
      chains.add(chain);
    },
  );
  expect(chains.size).toBe(3);
});

test("loops that ran at the same time add up", () => {
  const slow = createHistogram();
  slow.record(2000);
  const fast = createHistogram();
  for (let nth = 0; nth < 9; nth++) fast.record(1000);
  const together = measurementOf([
    { operations: 1, elapsedMs: 10, latencyNs: slow },
    { operations: 9, elapsedMs: 20, latencyNs: fast },
  ]);
  expect(together).toMatchObject({ operations: 10, opsPerSecond: 100 + 450, p50Us: 1 });
  expect(together.p99Us).toBeCloseTo(2, 1);
});
