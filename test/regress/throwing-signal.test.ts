/** An AbortSignal that threw as its request was settled: its client settled and sent nothing ever after. */
import { expect, it } from "vitest";
import { runProgram } from "../lifecycle/run-program.js";

it("a signal that throws takes no other request along", async () => {
  const fixture = new URL("fixtures/throwing-signal.mjs", import.meta.url);
  const ending = await runProgram(fixture);
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  const { thrown, ...counts } = JSON.parse(ending.stdout);
  // The last three end with the engine: which of them it has taken by then, and so their order, is chance.
  expect({ thrown: thrown.sort(), ...counts }).toEqual({
    thrown: [1, 3, 5, 6, 7, 8].map((nth) => `${nth} is not to be removed`),
    settled: 6,
    later: 1200,
    ended: 3,
    left: 0,
  });
});
