// Where a worker may be that connects to the engine: at any depth, in a small heap, below threads that do something else.
import { statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runProgram } from "../lifecycle/run-program.js";
import { SOON_MS, within } from "../support/deadline.js";
import { useTempDir } from "../support/temp-dir.js";
import { BLOCKS, fixture, makeBlocks, pools, useEngines } from "./pools.js";

const made = useEngines();
const dir = useTempDir();

const program = (name: string): URL => new URL(`fixtures/${name}.mjs`, import.meta.url);

/** A worker with nothing in it needs 5 MiB of old space on Node 20, and one that has loaded ringpost 8. */
const SMALL_HEAP = { maxOldGenerationSizeMb: 12, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };

describe.each(pools)("in workers of $name", ({ name, make }) => {
  it("workerClient() serves pools of workers of pools of workers", async () => {
    const engine = await made.engine();
    const path = dir().file(Buffer.from(makeBlocks().buffer));
    const pool = made.keep(make(engine, { minThreads: 1, maxThreads: 2 }));
    const task = { path, blocks: BLOCKS, rounds: 2, depth: 3 };
    const wrong = [1, 2].map(() => pool.run(task, { name: "countWrongBelow" }));
    const expected = [0, 0, 0, 0];
    expect(await within(SOON_MS, "both", Promise.all(wrong))).toEqual([expected, expected]);
  });

  it("workerClient() works in a small heap (resourceLimits)", async () => {
    const engine = await made.engine();
    const path = dir().file(Buffer.from(makeBlocks().buffer));
    const resourceLimits = SMALL_HEAP;
    const pool = made.keep(make(engine, { minThreads: 2, maxThreads: 2, resourceLimits }));
    const task = { path, blocks: BLOCKS, rounds: 50 };
    const wrong = [1, 2, 3, 4].map(() => pool.run(task, { name: "countWrongBlocks" }));
    expect(await within(SOON_MS, "four tasks", Promise.all(wrong))).toEqual([0, 0, 0, 0]);
  });

  it("workerClient() works when the main thread has closed its client, and forgotten the engine", async () => {
    const ending = await runProgram(program("main-moved-on"), { args: [name] });
    expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
    expect(JSON.parse(ending.stdout)).toEqual({ right: 12 });
  });

  it.each([
    ["exit", 3, ""],
    ["throw", 1, "thrown in the main thread"],
  ])("reads in flight don't hold up the end of the process: %s", async (how, code, said) => {
    const ending = await runProgram(program("end-with-pool"), { args: [name, how] });
    expect(ending).toMatchObject({ code, signal: null, stdout: "in flight\n" });
    expect(ending.stderr).toContain(said);
  });
});

it("connect() works three workers deep, while all threads above are blocked", async () => {
  const ending = await runProgram(program("main-blocked"));
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  expect(JSON.parse(ending.stdout)).toEqual({ read: statSync(fixture("main-blocked.mjs")).size });
});
