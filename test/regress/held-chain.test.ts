/** A chain that waited for a drain, its first step linked hard, kept an engine whose worker was terminated from ending. */
import { expect, it } from "vitest";
import { runProgram } from "../lifecycle/run-program.js";

it("an engine ends with a chain that waits for a drain", async () => {
  const ending = await runProgram(new URL("fixtures/held-chain.mjs", import.meta.url));
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  expect(JSON.parse(ending.stdout)).toHaveLength(2);
});
