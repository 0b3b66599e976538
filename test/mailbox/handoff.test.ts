/** Sleep and wake between two threads, more than a million times: a single lost wake-up ends in a deadline. */
import { Worker } from "node:worker_threads";
import { AWAKE, claimWake, loadFlag, loadIndex, PARKED, park, unpark } from "@ringpost/mailbox";
import { Engine } from "ringpost";
import { describe, expect, it } from "vitest";
import { within } from "../support/deadline.js";
import { chooseSeed } from "../support/random.js";

const BALL_WORD = 0;
const PARKED_WORDS = [16, 32] as const;
const DEADLINE_MS = 10_000;
/** A wake-up across CPUs may take as much as 60 µs in a virtual machine. */
const GAME_DEADLINE_MS = 150_000;

interface Score {
  readonly slept: number;
  readonly wakes: number;
}

const makeWords = (): Int32Array => new Int32Array(new SharedArrayBuffer(64 * 4));

/** A thread that plays the balls of this parity. */
function startPlayer(
  words: Int32Array,
  parity: 0 | 1,
  handOffs: number,
  seed: number,
): Promise<Score> {
  const worker = new Worker(new URL("fixtures/ping-pong.mjs", import.meta.url), {
    workerData: {
      words,
      ballWord: BALL_WORD,
      ownParkedWord: PARKED_WORDS[parity],
      otherParkedWord: PARKED_WORDS[1 - parity],
      parity,
      handOffs,
      seed,
      deadlineMs: DEADLINE_MS,
    },
  });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

describe("a hand-off", () => {
  it("goes from one blocked thread to the other a million times", {
    timeout: 160_000,
  }, async () => {
    const handOffs = 1_000_000;
    const words = makeWords();
    const seed = chooseSeed("hand-offs between blocked threads");
    const game = Promise.all([
      startPlayer(words, 0, handOffs, seed),
      startPlayer(words, 1, handOffs, seed + 1),
    ]);
    const [zero, one] = await within(GAME_DEADLINE_MS, "the game", game);
    expect(loadIndex(words, BALL_WORD)).toBe(handOffs);
    // Both slept, and not only passed each other by.
    expect(zero.slept + one.slept).toBeGreaterThan(handOffs / 100);
    expect(zero.wakes + one.wakes).toBeGreaterThan(0);
  });

  it("goes between the engine and an event loop, and none is lost", {
    timeout: 160_000,
  }, async () => {
    const handOffs = 20_000;
    const engine = await Engine.start({ wait: "notify" });
    const play = async (): Promise<void> => {
      for (let nth = 0; nth < handOffs; nth++) await engine.client.nop();
    };
    await within(GAME_DEADLINE_MS, "the game", play());
    const { wakeups, notifies } = engine.stats();
    // Both slept, and not only passed each other by.
    expect(wakeups).toBeGreaterThan(handOffs / 100);
    expect(notifies).toBeGreaterThan(handOffs / 100);
    await engine.close();
  });
});

describe("one thread's view of it", () => {
  it("wakes nobody who is awake, and each sleeper once", () => {
    const words = makeWords();
    expect(claimWake(words, 16)).toBe(false);
    park(words, 16);
    expect(loadFlag(words, 16)).toBe(PARKED);
    expect(claimWake(words, 16)).toBe(true);
    expect(loadFlag(words, 16)).toBe(AWAKE);
    expect(claimWake(words, 16)).toBe(false);
    park(words, 16);
    unpark(words, 16);
    expect(claimWake(words, 16)).toBe(false);
  });
});
