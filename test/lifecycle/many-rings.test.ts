import { expect, it } from "vitest";
import { runProgram } from "./run-program.js";

const SOME_DESCRIPTORS = ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh"];

it("where one of many rings can't be started, those that were are stopped", async () => {
  const ending = await runProgram("many-rings", { args: ["start"], launcher: SOME_DESCRIPTORS });
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  expect(JSON.parse(ending.stdout)).toEqual({ outcome: "refused", threads: 0, rings: 0 });
});

it("process.exit ends all rings", async () => {
  const ending = await runProgram("many-rings", { args: ["exit"] });
  expect(ending).toMatchObject({ code: 7, signal: null, stderr: "" });
});
