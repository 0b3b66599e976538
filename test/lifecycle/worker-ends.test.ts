import { describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";

/** The main thread's client, the worker's, and three that take all the mailboxes there are. */
const IN_ORDER = { clientsOpened: 5, clientsDrained: 1, leaked: {} };

async function report(how: string, load: string): Promise<unknown> {
  const ending = await runProgram("worker-ends", { args: [how, load] });
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  return JSON.parse(ending.stdout);
}

describe.concurrent("a worker with 500 requests in flight", () => {
  it.each(["file-read", "read-whole", "write"])(
    "that comes to its end waits for them: %s",
    async (load) => {
      expect(await report("return", load)).toEqual({
        told: ["done", "posted"],
        code: 0,
        ...IN_ORDER,
      });
    },
  );

  it.each(["file-read", "direct-read", "read-whole", "write", "pipe-read", "fifo-open", "mixed"])(
    "that calls process.exit() ends: %s",
    async (load) => {
      expect(await report("exit", load)).toEqual({ told: ["posted"], code: 3, ...IN_ORDER });
    },
  );

  it.each(["file-read", "pipe-read", "mixed"])("that throws ends: %s", async (load) => {
    const told = ["posted", "thrown in a worker"];
    expect(await report("throw", load)).toEqual({ told, code: 1, ...IN_ORDER });
  });
});
