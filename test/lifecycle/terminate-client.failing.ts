import { describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";

/** Far more than the allocators' moods, far less than what so many runs would leak: 2 MB of buffers each. */
const MOST_GROWTH_MIB = 100;

/**
 * What workers are doing when they are terminated, each in its turn: a load of fixtures/loads.mjs, and whether they then wait
 * for replies or spin without ever looking at one.
 */
const DOINGS = {
  "reads in flight": ["file-read:return", "pipe-read:return", "file-read:spin", "pipe-read:spin"],
  "leases, vectors and writes in flight": ["direct-read:return", "readv:spin", "mixed:spin"],
  "opens in flight": ["open:spin", "fifo-open:return"],
  "whole files in flight": ["read-whole:return", "read-whole:spin"],
};

describe("terminate() of workers with 500 requests in flight leaks nothing, and disturbs nobody", () => {
  it.each([
    [100, "reads in flight"],
    [30, "leases, vectors and writes in flight"],
    [30, "opens in flight"],
    [30, "whole files in flight"],
  ] as const)("%i workers with %s", async (runs, doing) => {
    const ending = await runProgram("terminate-clients", {
      args: [runs, ...DOINGS[doing]],
      nodeOptions: ["--expose-gc"],
      deadlineMs: 55_000,
    });
    expect(ending).toMatchObject({ code: 0, signal: null });
    const { residentGrowthMib, seed, ...rest } = JSON.parse(ending.stdout);
    console.log(`RINGPOST_SEED=${seed}`);
    expect(residentGrowthMib).toBeLessThan(MOST_GROWTH_MIB);
    expect(rest).toEqual({
      leaked: {},
      wrongBlocks: 0,
      silentSaid: "for the main thread",
      refused: "EAGAIN",
      clientsLeft: 1,
    });
  });
});
