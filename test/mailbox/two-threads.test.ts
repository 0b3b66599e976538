/** One thread writes, another reads, both as fast as they can: every entry arrives once, whole, and in order. */
import { Worker } from "node:worker_threads";
import { RingConsumer } from "@ringpost/mailbox";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { turn } from "../support/fake-engine.js";
import { chooseSeed } from "../support/random.js";
import { isAroundIntact, makeRing } from "../support/ring-memory.js";

const ENTRIES = 400_000;

it.each([
  [1, 16],
  [4, 4],
  [256, 16],
  [4096, 4],
])("through a ring of %d entries of %d words", async (capacity, entryWords) => {
  const seed = chooseSeed(`two threads, ${capacity} entries`);
  // A wrap-around on the way: the indexes of these rings start just before 2^32.
  const memory = makeRing(capacity, entryWords, 0xffff_ff00);
  const { words, place } = memory;
  // In a small ring, the threads wait for each other all the time: fewer will do.
  const entries = capacity < 256 ? ENTRIES / 20 : ENTRIES;
  const worker = new Worker(new URL("fixtures/ring-producer.mjs", import.meta.url), {
    workerData: { words, place, entries, seed },
  });
  const failed = new Promise<never>((_, reject) => worker.once("error", reject));
  const ended = new Promise((resolve) => worker.once("exit", resolve));

  const consumer = new RingConsumer(words, place);
  let torn = 0;
  const readAll = async (): Promise<void> => {
    for (let read = 0; read < entries; ) {
      const available = consumer.available();
      if (available > capacity) throw new Error(`${available} entries in a ring of ${capacity}`);
      for (let nth = 0; nth < available; nth++, read++) {
        const at = consumer.take();
        if (words[at] !== read) throw new Error(`Entry ${read} is ${words[at]}`);
        for (let word = 1; word < entryWords; word++) {
          if (words[at + word] !== (read ^ word)) torn++;
        }
      }
      consumer.release();
      if (available > 0) Atomics.notify(words, place.headWord);
      else await turn();
    }
  };
  await within(SOON_MS, "reading", Promise.race([readAll(), failed]));
  await within(SOON_MS, "the writer's end", Promise.race([ended, failed]));
  expect(torn).toBe(0);
  expect(consumer.available()).toBe(0);
  expect(isAroundIntact(memory)).toBe(true);
});
