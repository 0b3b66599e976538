import { describe, expect, it } from "vitest";
import { OUTCOMES, total } from "./outcomes.js";
import { runProgram } from "./run-program.js";

describe.concurrent.each(["client", "engine"])("close() of the %s", (what) => {
  it("lets requests that wait for a slot have their turn, and cancels those that would wait for ever", async () => {
    const ending = await runProgram("close-waiting", { args: [what, 500] });
    expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
    expect(JSON.parse(ending.stdout)).toEqual({ resolved: 250, ECANCELED: 12 });
  });

  it("without grace settles requests that wait for a slot", async () => {
    const ending = await runProgram("close-waiting", { args: [what, 0] });
    expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
    const counts = JSON.parse(ending.stdout);
    expect(total(counts)).toBe(262);
    expect(OUTCOMES).toEqual(expect.arrayContaining(Object.keys(counts)));
  });
});
