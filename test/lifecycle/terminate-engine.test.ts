import { describe, expect, it } from "vitest";
import { OUTCOMES, total } from "./outcomes.js";
import { runProgram } from "./run-program.js";

describe.concurrent("terminate() of the engine's thread with 500 requests in flight in each of two clients", () => {
  it.each(["file-read", "read-whole", "write", "pipe-read", "socket-read", "fifo-open", "mixed"])(
    "settles them all, and refuses what comes later: %s",
    async (load) => {
      const ending = await runProgram("terminate-engine", { args: [load] });
      expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
      const { main, worker, ...rest } = JSON.parse(ending.stdout);
      for (const counts of [main, worker]) {
        expect(total(counts)).toBe(500);
        expect(OUTCOMES).toEqual(expect.arrayContaining(Object.keys(counts)));
      }
      expect(rest).toEqual({ later: { ERR_RINGPOST_CLOSED: 3 }, leaked: {} });
    },
  );
});
