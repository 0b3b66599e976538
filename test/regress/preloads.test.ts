/**
 * What NODE_OPTIONS preloads ran in the engine's thread, too: an engine that it starts there started another one, a message that it
 * posts was taken for the engine's report, and where it ended the thread, Engine.start never settled.
 */
import { fileURLToPath } from "node:url";
import { Engine } from "ringpost";
import { describe, expect, it } from "vitest";
import { runProgram } from "../lifecycle/run-program.js";
import { SOON_MS, within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";

const fixture = (name: string): URL => new URL(`fixtures/${name}.mjs`, import.meta.url);

describe("a preload is kept out of the engine's thread", () => {
  const preload = `NODE_OPTIONS=--import=${fileURLToPath(fixture("preload"))}`;

  it.each(["message", "exit", "engine"])("that does %s in workers", async (what) => {
    const launcher = ["env", preload, `PRELOAD=${what}`];
    const ending = await runProgram(fixture("preloaded"), { launcher });
    expect(ending).toEqual({ code: 0, signal: null, stdout: "served", stderr: "" });
  });
});

it("a thread that is ended as it starts rejects the start", async () => {
  process.once("worker", (worker) => void worker.terminate());
  const failure = await within(
    SOON_MS,
    "the start",
    failureOf(() => Engine.start()),
  );
  expect(failure).toMatchObject({
    code: "ERR_RINGPOST_CLOSED",
    message: expect.stringMatching(/^The ringpost engine's thread has ended before it was ready/),
  });
});
