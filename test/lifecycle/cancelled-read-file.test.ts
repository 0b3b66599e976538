import { expect, it } from "vitest";
import { runProgram } from "./run-program.js";

it("a cancelled readFile closes its descriptor once, and never another's", async () => {
  const ending = await runProgram("close-while-reading-pipe");
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  const kept = { outcome: "ECANCELED", isSameNumber: true, isOpen: true };
  expect(JSON.parse(ending.stdout)).toEqual(kept);
});
