import { describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";

describe.concurrent("a normal end", () => {
  it.each([
    [1, "main"],
    [5, "main"],
    [1, "worker"],
    [3, "worker"],
  ])("with %i idle engines, started in a %s thread, comes at once", async (count, where) => {
    const ending = await runProgram("idle-end", { args: [count, where], deadlineMs: 5000 });
    expect(ending).toEqual({ code: 0, signal: null, stdout: `idle: ${count}\n`, stderr: "" });
  });

  it("waits for the requests in flight", async () => {
    const ending = await runProgram("in-flight-end");
    expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
    expect(ending.stdout.split("\n").sort()).toEqual([
      "",
      "fsync undefined",
      "late read 4",
      "read 4096",
      "readFile 2048000",
      "write 9",
      "writeFile undefined",
    ]);
  });
});
