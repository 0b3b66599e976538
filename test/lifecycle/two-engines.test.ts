import { describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";

describe("two engines in one thread, used at once", () => {
  it.each([0, 1, "both"])("may be closed in any order: %s first", async (first) => {
    const ending = await runProgram("two-engines", { args: [first] });
    expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
    expect(JSON.parse(ending.stdout)).toEqual({
      wrong: [0, 0],
      wrongAfter: 0,
      refused: ["ERR_RINGPOST_CLOSED", "ERR_RINGPOST_CLOSED"],
    });
  });
});
