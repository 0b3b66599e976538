import { describe, expect, it } from "vitest";
import { OUTCOMES, total } from "./outcomes.js";
import { runProgram } from "./run-program.js";

describe.concurrent.each(["terminate", "exit", "throw"])(
  "an engine started in a worker that ends by %s",
  (how) => {
    it.each(["file-read", "pipe-read", "mixed"])(
      "settles the 500 requests of the main thread: %s",
      async (load) => {
        const ending = await runProgram("engine-in-worker", { args: [how, load] });
        expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
        const { outcomes, ...rest } = JSON.parse(ending.stdout);
        expect(total(outcomes)).toBe(500);
        expect(OUTCOMES).toEqual(expect.arrayContaining(Object.keys(outcomes)));
        expect(rest).toEqual({ later: { ERR_RINGPOST_CLOSED: 2 }, leaked: {} });
      },
    );
  },
);
