import { describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";

const LOADS = ["file-read", "write", "pipe-read", "socket-read", "fifo-open", "mixed"];

describe.concurrent("an error that nobody catches, with 500 requests in flight, ends the program", () => {
  it.each(LOADS)("thrown: %s", async (load) => {
    const ending = await runProgram("end-mid-flight", { args: ["throw", load] });
    expect(ending).toMatchObject({ code: 1, signal: null, stdout: "posted\n" });
    expect(ending.stderr).toContain("Error: thrown mid-flight");
  });

  it.each(LOADS)("of a rejected promise: %s", async (load) => {
    const ending = await runProgram("end-mid-flight", { args: ["reject", load] });
    expect(ending).toMatchObject({ code: 1, signal: null, stdout: "posted\n" });
    expect(ending.stderr).toContain("Error: rejected mid-flight");
  });
});
