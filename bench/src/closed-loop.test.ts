import { expect, test } from "vitest";
import { ClosedLoop, runCallbacks, runPromises } from "./closed-loop.js";

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
