/** Options that choose a mode of the ring: what the report says of them, and what is refused. */
import { setTimeout } from "node:timers/promises";
import { Engine, type EngineOptions } from "ringpost";
import { describe, expect, it } from "vitest";
import { Feature } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";
import { withEngine } from "../support/with-engine.js";

const dir = useTempDir();

describe("kernelWorkers", () => {
  it("limits the kernel's threads, each kind by itself", async () => {
    const usual = await withEngine({}, ({ report }) => report.kernelWorkers);
    expect(usual.bounded).toBeGreaterThan(0);
    for (const limits of [{ bounded: 3 }, { unbounded: 5 }, { bounded: 1, unbounded: 2 }]) {
      const inForce = await withEngine({ kernelWorkers: limits }, (e) => e.report.kernelWorkers);
      expect(inForce).toEqual({ ...usual, ...limits });
    }
  });

  it("carries everything out by one thread, if it must", () =>
    withEngine({ kernelWorkers: { bounded: 1, unbounded: 1 } }, async ({ client }) => {
      const sizes = await Promise.all(Array.from({ length: 500 }, () => client.stat("/")));
      expect(sizes).toHaveLength(500);
    }));
});

describe("minWait", () => {
  const minWait = { completions: 8, us: 2000 };

  it("says whether the kernel has it", async () => {
    expect(await withEngine({ minWait }, ({ report }) => report.minWait)).toBe(true);
    const testing = { withoutFeatures: Feature.MIN_TIMEOUT };
    expect(await withEngine({ minWait, testing }, ({ report }) => report.minWait)).toBe(false);
  });

  it("doesn't count what waits for events, time or a word", () =>
    withEngine({ minWait: { completions: 8, us: 1_000_000 } }, async ({ client }) => {
      const word = new Int32Array(new SharedArrayBuffer(4));
      const waits = Array.from({ length: 4 }, () => client.futexWait(word, 0, 0));
      await client.nop();
      const start = performance.now();
      for (let nth = 0; nth < 20; nth++) await client.nop();
      expect(performance.now() - start).toBeLessThan(2000); // each of them would take a second
      expect(await client.futexWake(word, 0)).toBe(4);
      await Promise.all(waits);
    }));

  it("doesn't count what has waited for a pipe for long, be it at a position", () =>
    withEngine({ minWait: { completions: 8, us: 400_000 } }, async ({ client }) => {
      const pipes = await Promise.all(Array.from({ length: 3 }, () => client.pipe()));
      const reads = pipes.map(([read]) => client.readFile(`/proc/self/fd/${read}`, "utf8"));
      await setTimeout(1000);
      const start = performance.now();
      for (let nth = 0; nth < 20; nth++) await client.nop();
      expect(performance.now() - start).toBeLessThan(2000); // each of them would take 400 ms
      await Promise.all(pipes.map(([, write]) => client.write(write, Buffer.from("x"))));
      await Promise.all(pipes.map(([, write]) => client.close(write)));
      expect(await Promise.all(reads)).toEqual(["x", "x", "x"]);
      await Promise.all(pipes.map(([read]) => client.close(read)));
    }));

  it("doesn't count what the kernel is still to be given", () =>
    withEngine({ minWait: { completions: 8, us: 1_000_000 } }, async ({ client }) => {
      const fd = await client.open(dir().file("old"), "r+");
      const chain = (drain: boolean) => client.chain({ drain }).fsync(fd).fsync(fd).fsync(fd);
      const start = performance.now();
      await chain(false).run();
      await Promise.all([chain(true).run(), client.fsync(fd), client.fsync(fd)]);
      const line = Array.from({ length: 4 }, () => client.write(fd, Buffer.from("new"), null));
      await Promise.all(line);
      expect(performance.now() - start).toBeLessThan(2000); // each of them would take a second
      await client.close(fd);
    }));

  it("lets few requests end, too", () =>
    withEngine({ minWait: { completions: 1000, us: 100 } }, async ({ client }) => {
      for (let nth = 0; nth < 20; nth++) {
        await Promise.all([client.stat("/"), client.nop(), client.stat("/")]);
      }
    }));
});

it.each([
  [{ kernelWorkers: 1 }, "ERR_INVALID_ARG_TYPE"],
  [{ kernelWorkers: { bounded: 0 } }, "ERR_OUT_OF_RANGE"],
  [{ kernelWorkers: { unbounded: 70_000 } }, "ERR_OUT_OF_RANGE"],
  [{ minWait: null }, "ERR_INVALID_ARG_TYPE"],
  [{ minWait: { completions: 1, us: 10 } }, "ERR_OUT_OF_RANGE"],
  [{ minWait: { completions: 8 } }, "ERR_INVALID_ARG_TYPE"],
  [{ minWait: { completions: 8, us: 0 } }, "ERR_OUT_OF_RANGE"],
])("refuses %j", async (options, code) => {
  expect(await failureOf(() => Engine.start(options as EngineOptions))).toMatchObject({ code });
});
