import { describe, expect, it } from "vitest";
import { runProgram } from "./run-program.js";

/**
 * Far more than the allocators' moods, far less than what so many runs would leak: 2 MB of buffers each, with whole files 50. Of
 * these the allocators keep what one to three workers had, in all of 20 runs as in 150.
 */
const MOST_GROWTH_MIB = { blocks: 100, wholeFiles: 250 };

/**
 * What workers are doing when they are terminated, each in its turn: a load of fixtures/loads.mjs, and whether they then wait
 * for replies, spin without ever looking at one, or go on posting.
 */
const DOINGS = {
  "reads in flight": ["file-read:return", "pipe-read:return", "file-read:spin", "pipe-read:spin"],
  "leases, vectors and writes in flight": ["direct-read:return", "readv:spin", "mixed:spin"],
  "opens in flight": ["open:spin", "fifo-open:return"],
  "whole files in flight": ["read-whole:return", "read-whole:spin"],
  "streams of events in flight": ["poll-events:return", "poll-events:spin"],
  "posts under way": ["readv:post", "file-read:post", "readv:post", "read-whole:post"],
};

describe.concurrent("terminate() of workers with 500 requests in flight leaks nothing, and disturbs nobody", () => {
  it.each([
    [100, "reads in flight"],
    [20, "leases, vectors and writes in flight"],
    [20, "opens in flight"],
    [20, "whole files in flight"],
    [10, "streams of events in flight"],
    [40, "posts under way"],
  ] as const)("%i workers with %s", { timeout: 120_000 }, async (runs, doing) => {
    const seed = process.env.RINGPOST_SEED ?? Math.floor(Math.random() * 2 ** 32);
    console.log(`${doing}: RINGPOST_SEED=${seed}`);
    const ending = await runProgram("terminate-clients", {
      args: [seed, runs, ...DOINGS[doing]],
      deadlineMs: 55_000,
    });
    expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
    const { residentGrowthMib, ...rest } = JSON.parse(ending.stdout);
    const wholeFiles = DOINGS[doing].some((load) => load.startsWith("read-whole"));
    expect(residentGrowthMib).toBeLessThan(MOST_GROWTH_MIB[wholeFiles ? "wholeFiles" : "blocks"]);
    expect(rest).toEqual({
      leaked: {},
      wrongBlocks: 0,
      silentSaid: "for the main thread",
      refused: "EAGAIN",
      clientsLeft: 1,
    });
  });
});
