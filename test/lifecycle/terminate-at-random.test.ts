import { expect, it } from "vitest";
import { runProgram } from "./run-program.js";

const WORKERS = 1000;
/** Far more than the allocators' moods, far less than what so many workers would leak: each has posted some 50 blocks. */
const MOST_GROWTH_MIB = 100;

it(`${WORKERS} workers that are terminated at random leak nothing, write to nobody's memory, and disturb nobody`, {
  timeout: 250_000,
}, async () => {
  const seed = process.env.RINGPOST_SEED ?? Math.floor(Math.random() * 2 ** 32);
  console.log(`terminated at random: RINGPOST_SEED=${seed}`);
  const ending = await runProgram("terminate-at-random", {
    args: [seed, WORKERS],
    // Memory that is freed is overwritten; and with few arenas less of it is kept.
    launcher: ["env", "MALLOC_PERTURB_=165", "MALLOC_ARENA_MAX=2"],
    deadlineMs: 240_000,
  });
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  const { residentGrowthMib, posted, ...rest } = JSON.parse(ending.stdout);
  expect(residentGrowthMib).toBeLessThan(MOST_GROWTH_MIB);
  // Most of them had requests in flight.
  expect(posted).toBeGreaterThan(WORKERS / 2);
  expect(rest).toEqual({
    wrong: { canaries: 0, written: 0, taken: 0, failures: [] },
    wrongBlocks: 0,
    bystanderSaid: { wrongBlocks: 0, wrongCanaries: 0 },
    leaked: {},
    refused: "EAGAIN",
    inFlight: 0,
    clientsLeft: 0,
  });
});
