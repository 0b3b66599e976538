import { describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";

describe("an engine's handle", () => {
  it.each(["workerData", "postMessage"])(
    "serves workers of workers of workers, by %s, until the engine is closed",
    async (how) => {
      const ending = await runProgram("handle-depth", { args: [how] });
      expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
      expect(JSON.parse(ending.stdout)).toEqual({
        wrong: [0, 0, 0, 0],
        refused: "ERR_RINGPOST_CLOSED",
        handleRefused: "ERR_RINGPOST_CLOSED",
      });
    },
  );
});
