/**
 * Cancellations that the engine had not taken yet could fill the request ring up to the entries of slots whose replies were on their
 * way: the next requests lay over them, and the engine cut the client off. Those that found no room kept a closed client busy for ever.
 */
import { operations } from "@ringpost/protocol";
import { describe, expect, it, vi } from "vitest";
import { FakeEngine, turn } from "../support/fake-engine.js";

const CREDITS = 4;
const RING_ENTRIES = 2 * CREDITS;

/** All slots are taken, and there are more cancellations than the ring has entries. */
async function postTooMany(): Promise<{ fake: FakeEngine; requests: Promise<unknown> }> {
  const fake = new FakeEngine({ credits: CREDITS });
  const fsyncs = Array.from({ length: CREDITS }, (_, fd) => fake.client.fsync(fd));
  await turn();
  expect(fake.take()).toHaveLength(CREDITS);
  for (let nth = 0; nth < 2 * RING_ENTRIES; nth++) fake.client.cancel(100 + nth);
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

  it("all arrive, as there is room", async () => {
    const { fake, requests } = await postTooMany();
    const fds: number[] = [];
    while (fds.length < 2 * RING_ENTRIES) {
      await turn();
      fds.push(...fake.take().map(({ fd }) => fd));
    }
    expect(fds).toEqual(Array.from({ length: 2 * RING_ENTRIES }, (_, nth) => 100 + nth));
    fake.backend.wake(true);
    await requests;
  });

  it("are dropped with the client", async () => {
    const { fake, requests } = await postTooMany();
    await turn();
    fake.backend.wake(true);
    await requests;
    await turn();
    const later = vi.spyOn(globalThis, "setImmediate");
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(later).not.toHaveBeenCalled();
    later.mockRestore();
  });
});
