import { expect, it } from "vitest";
import { runProgram } from "./run-program.js";

/** Far more than the allocators' moods, far less than all the engines together: each has 137 MiB of shared memory. */
const MOST_GROWTH_MIB = 100;
const MOST_SHARED_MIB = 200;

it.each([
  ["close", 200],
  ["terminate", 12],
])(
  "engines that are started and that %s, %i times in one process, leave nothing behind",
  async (how, count) => {
    const ending = await runProgram("start-close-many", {
      args: [how, count],
      deadlineMs: 120_000, // 26 s on a machine with nothing else to do
    });
    // No MaxListenersExceededWarning either.
    expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
    const { leaked, residentGrowthMib, sharedMib } = JSON.parse(ending.stdout);
    expect(leaked).toEqual({});
    expect(residentGrowthMib).toBeLessThan(MOST_GROWTH_MIB);
    expect(sharedMib).toBeLessThan(MOST_SHARED_MIB);
  },
  130_000,
);

it("a closed engine holds nothing back until a garbage collection", async () => {
  const ending = await runProgram("start-close-many", { args: ["close", 3], nodeOptions: [] });
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  expect(JSON.parse(ending.stdout)).toMatchObject({ leaked: {} });
});
