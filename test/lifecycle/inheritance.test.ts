import { expect, it } from "vitest";
import { runProgram } from "./run-program.js";

it("a child process inherits neither the ring, nor the doorbell, nor open files", async () => {
  const ending = await runProgram("inheritance");
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  const { before, main, worker } = JSON.parse(ending.stdout);
  expect(main).toEqual(before);
  expect(worker).toEqual(before);
});
