import { describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";

describe("the mailbox of a client comes back", () => {
  it.each(["disconnect", "collect"])("after its %s", async (how) => {
    const ending = await runProgram("mailbox-returns", {
      args: [how],
    });
    expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
    expect(JSON.parse(ending.stdout)).toEqual({ refused: 0 });
  });
});

it("a client that nobody refers to any more finishes its requests before it goes", async () => {
  const ending = await runProgram("forgotten-in-flight");
  expect(ending).toEqual({ code: 0, signal: null, stdout: "late\nlate\n", stderr: "" });
});
