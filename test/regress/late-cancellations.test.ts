/**
 * Cancellations that the engine had not taken yet could fill the request ring up to the entries of slots whose replies were on their
 * way: the next requests lay over them, and the engine cut the client off. Those that found no room kept a closed client busy for ever,
 * and cancelled what was posted after them.
 */
import { readFileSync } from "node:fs";
import { operations } from "@ringpost/protocol";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";
import { FakeEngine, turn } from "../support/fake-engine.js";
import { useTempDir } from "../support/temp-dir.js";
import { withEngine } from "../support/with-engine.js";

const dir = useTempDir();

const CREDITS = 4;
const RING_ENTRIES = 2 * CREDITS;

/** All slots are taken, and there are more cancellations than the ring has entries. */
async function postTooMany(): Promise<{ fake: FakeEngine; requests: Promise<unknown> }> {
  const fake = new FakeEngine({ credits: CREDITS });
  const fsyncs = Array.from({ length: CREDITS }, (_, fd) => fake.client.fsync(fd));
  await turn();
  expect(fake.take()).toHaveLength(CREDITS);
  for (let nth = 0; nth < 2 * RING_ENTRIES; nth++) fake.client.cancel(nth % CREDITS);
  return { fake, requests: Promise.allSettled(fsyncs) };
}

describe("cancellations that the engine has not taken yet", () => {
  it("leave room for a request of each slot", async () => {
    const { fake, requests } = await postTooMany();
    for (let slot = 0; slot < CREDITS; slot++) fake.reply({ slot, generation: 1 });
    fake.publish();
    await requests;
    const later = Array.from({ length: CREDITS }, (_, fd) => fake.client.fsync(50 + fd));
    await turn();
    const taken = fake.take();
    expect(taken.length).toBeLessThanOrEqual(RING_ENTRIES);
    const fsyncs = taken.filter(({ opcode }) => opcode === operations.fsync.opcode);
    expect(fsyncs.map(({ fd }) => fd)).toEqual([50, 51, 52, 53]);
    for (const request of fsyncs) fake.reply(request);
    fake.publish();
    await Promise.all(later);
    fake.backend.wake(true);
  });

  it("all arrive, as there is room: of those that waited for it, one for each request", async () => {
    const { fake, requests } = await postTooMany();
    const meant: number[] = [];
    for (let nth = 0; nth < 2 * RING_ENTRIES; nth++) {
      await turn();
      // By its descriptor, or by the slot of who uses it: fsyncs took the slots in order.
      meant.push(...fake.take().map(({ fd, slot }) => (fd >= 0 ? fd : slot)));
    }
    const all = Array.from({ length: CREDITS }, (_, fd) => fd);
    expect(meant).toEqual([...all, ...all]);
    fake.backend.wake(true);
    await requests;
  });

  it("are dropped with the client", async () => {
    const { fake, requests } = await postTooMany();
    await turn();
    fake.backend.wake(true);
    await requests;
    await turn();
    for (let nth = 0; nth < 5; nth++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      expect(process.getActiveResourcesInfo()).not.toContain("Immediate");
    }
  });
});

it("one that finds no room means nobody who comes later", () =>
  withEngine({}, async ({ client }) => {
    const [from, to] = await client.pipe();
    const stop = new AbortController();
    const reads = Array.from({ length: 256 }, () =>
      failureOf(() => client.read(from, Buffer.alloc(1), { signal: stop.signal })),
    );
    await new Promise((resolve) => setTimeout(resolve, 20)); // the engine sleeps, and takes nothing
    stop.abort();
    client.cancelAll();
    const path = dir().fresh();
    await within(SOON_MS, "a file that is written afterwards", client.writeFile(path, "kept"));
    expect(readFileSync(path, "utf8")).toBe("kept");
    for (const read of await Promise.all(reads)) expect(read.code).toBe("ABORT_ERR");
    await Promise.all([client.close(from), client.close(to)]);
  }));
