import { closeSync, constants, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Ending, Program } from "./run-program.js";

const LOADS = ["file-read", "write", "pipe-read", "fifo-open", "mixed"];

async function signalled(
  signal: NodeJS.Signals,
  handled: "handled" | "default",
  load: string,
): Promise<Ending> {
  const program = new Program("wait-for-signal", { args: [handled, load] });
  await program.said("waiting");
  program.signal(signal);
  return program.ended;
}

describe("with 500 requests in flight", () => {
  it.each(LOADS)("SIGTERM ends the program: %s", async (load) => {
    const ending = await signalled("SIGTERM", "default", load);
    expect(ending).toEqual({ code: null, signal: "SIGTERM", stdout: "waiting\n", stderr: "" });
  });

  it.each(LOADS)("a SIGTERM handler can close the engine: %s", async (load) => {
    const ending = await signalled("SIGTERM", "handled", load);
    const stdout = "waiting\nclosed, 500 settled\n";
    expect(ending).toEqual({ code: 0, signal: null, stdout, stderr: "" });
  });

  it.each(LOADS)("SIGKILL ends the program: %s", async (load) => {
    const ending = await signalled("SIGKILL", "default", load);
    expect(ending).toEqual({ code: null, signal: "SIGKILL", stdout: "waiting\n", stderr: "" });
  });

  it("the kernel lets go of what a killed program had in flight", async () => {
    const program = new Program("wait-for-signal", { args: ["default", "pipe-read"] });
    await program.said("waiting");
    const writer = openSync(
      join(program.folder, "silent"),
      constants.O_WRONLY | constants.O_NONBLOCK,
    );
    program.signal("SIGKILL");
    await program.ended;
    expect(await errorOfWrites(writer)).toBe("EPIPE");
    closeSync(writer);
  });
});

/** Resolves to how writing to a pipe fails at last: EPIPE when nobody reads it any more. */
async function errorOfWrites(fd: number): Promise<string | undefined> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      writeSync(fd, "x");
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
    await delay(50);
  }
  return undefined;
}
