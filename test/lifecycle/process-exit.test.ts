import { describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";

describe.concurrent("process.exit", () => {
  it.each([
    "file-read",
    "direct-read",
    "readv",
    "read-whole",
    "write",
    "pipe-read",
    "socket-read",
    "fifo-open",
    "mixed",
  ])("with 500 requests in flight keeps its code: %s", async (load) => {
    const ending = await runProgram("end-mid-flight", { args: ["exit", load] });
    expect(ending).toEqual({ code: 7, signal: null, stdout: "posted\n", stderr: "" });
  });

  it.each([0, 5, 10, 20, 40, 80])("%i ms after engines began to start", async (afterMs) => {
    const ending = await runProgram("exit-while-starting", { args: [afterMs] });
    expect(ending).toEqual({ code: 7, signal: null, stdout: "", stderr: "" });
  });
});
