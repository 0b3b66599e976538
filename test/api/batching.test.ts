/** What makes a request cheap: many share one publish, one doorbell, one wait, one pass. */
import { isParked } from "@ringpost/mailbox";
import type { Engine } from "ringpost";
import { describe, expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { FakeEngine, turn } from "../support/fake-engine.js";

const statsOf = (engine: Engine, client = 0) => engine.stats().clients[client]!;

describe("requests of one turn of the event loop", () => {
  const running = useEngine();

  /** An engine that sleeps: one that is awake gets each at once. */
  function sleepingEngine(): FakeEngine {
    const fake = new FakeEngine({ credits: 128 });
    fake.park();
    return fake;
  }

  async function settle(fake: FakeEngine, nops: readonly Promise<void>[]): Promise<void> {
    for (const request of fake.take()) fake.reply(request);
    fake.publish();
    await Promise.all(nops);
  }

  it("leave in one batch, with one doorbell", async () => {
    const fake = sleepingEngine();
    const nops = Array.from({ length: 100 }, () => fake.client.nop());
    await turn();
    expect(fake.count("POSTED")).toBe(100);
    expect(fake.count("BATCHES")).toBe(1);
    expect(fake.doorbells).toBe(1);
    await settle(fake, nops);
  });

  it("leave in one batch, though each is posted in a microtask of its own", async () => {
    const fake = sleepingEngine();
    const nops: Promise<void>[] = [];
    for (let nth = 0; nth < 100; nth++) {
      await Promise.resolve();
      nops.push(fake.client.nop());
    }
    await turn();
    expect(fake.count("POSTED")).toBe(100);
    expect(fake.count("BATCHES")).toBeLessThanOrEqual(2);
    await settle(fake, nops);
  });

  it("leave at once when told to, and only once", async () => {
    const fake = sleepingEngine();
    const first = [fake.client.nop(), fake.client.nop()];
    expect(fake.count("BATCHES")).toBe(0);
    fake.client.submit();
    expect(fake.count("BATCHES")).toBe(1);
    expect(fake.count("POSTED")).toBe(2);
    fake.client.submit();
    expect(fake.count("BATCHES")).toBe(1);
    await settle(fake, first);
    expect(fake.count("BATCHES")).toBe(1);
  });

  it("leave before the client parks, where replies have brought them about", async () => {
    const fake = new FakeEngine({ credits: 8 });
    const { words, parkedWord } = fake.mailbox;
    const slow = fake.client.nop();
    const posting = (async () => {
      await fake.client.nop();
      await Promise.resolve(); // as a function in between does
      const parked = isParked(words, parkedWord);
      return { parked, next: fake.client.nop() };
    })();
    while (!isParked(words, parkedWord)) await turn();
    const [unanswered, answered] = fake.take();
    fake.reply(answered!);
    expect(fake.publish()).toBe(true);
    const { parked, next } = await posting;
    expect(parked).toBe(false);
    fake.reply(unanswered!);
    await settle(fake, [slow, next]);
  });

  it("never ring more doorbells than there are batches, however they come", async () => {
    for (let round = 0; round < 200; round++) {
      await Promise.all(Array.from({ length: 1 + (round % 7) }, () => running.client.nop()));
      if (round % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const { batches, doorbells } = statsOf(running.engine);
    expect(doorbells).toBeLessThanOrEqual(batches);
  });

  it("wake the client far less often than there are replies", async () => {
    const before = statsOf(running.engine);
    await Promise.all(Array.from({ length: 20_000 }, () => running.client.nop()));
    const after = statsOf(running.engine);
    expect(after.settled - before.settled).toBe(20_000);
    expect(after.wakeups - before.wakeups).toBeLessThan(20_000 / 8);
    expect(after.notifies - before.notifies).toBeLessThan(20_000 / 8);
  });
});

describe("a client", () => {
  it("lets the event loop go round while replies are there as soon as it asks", async () => {
    const fake = new FakeEngine({ credits: 16 });
    let settled = 0;
    const settledByThen: number[] = [];
    setImmediate(function round() {
      settledByThen.push(settled);
      if (settled < 1000) setImmediate(round);
    });
    for (; settled < 1000; settled++) {
      const nop = fake.client.nop();
      for (const request of fake.take()) fake.reply(request);
      fake.publish();
      await nop;
    }
    settledByThen.push(settled);
    const between = settledByThen.map((by, nth) => by - (settledByThen[nth - 1] ?? 0));
    expect(Math.max(...between)).toBeLessThan(200);
  });

  it("rings a parked engine once for a batch; an awake one never, and hands it each at once", async () => {
    const fake = new FakeEngine({ credits: 16 });
    const nops = [fake.client.nop(), fake.client.nop()];
    expect(fake.count("BATCHES")).toBe(2);
    await turn();
    expect(fake.doorbells).toBe(0);
    fake.park();
    nops.push(fake.client.nop(), fake.client.nop());
    await turn();
    expect(fake.doorbells).toBe(1);
    nops.push(fake.client.nop());
    await turn();
    expect(fake.doorbells).toBe(1);
    for (const request of fake.take()) fake.reply(request);
    fake.publish();
    await Promise.all(nops);
    expect(fake.count("DOORBELLS")).toBe(1);
    expect(fake.count("BATCHES")).toBe(4);
  });

  it("settles a burst of replies in one pass, in their order", async () => {
    const fake = new FakeEngine({ credits: 128 });
    const settled: number[] = [];
    const nops = Array.from({ length: 100 }, async (_, nth) => {
      await fake.client.nop();
      settled.push(nth);
    });
    await turn();
    const taken = fake.take();
    expect(taken).toHaveLength(100);
    taken.reverse();
    for (const request of taken) fake.reply(request);
    expect(fake.publish()).toBe(true);
    await Promise.all(nops);
    expect(settled).toEqual(Array.from({ length: 100 }, (_, nth) => 99 - nth));
    expect(fake.count("WAKEUPS")).toBe(1);
    expect(fake.count("SETTLED")).toBe(100);
  });

  it("needs no wake-up for replies that come before it parks", async () => {
    const fake = new FakeEngine({ credits: 4 });
    const nop = fake.client.nop();
    fake.client.submit();
    for (const request of fake.take()) fake.reply(request);
    expect(fake.publish()).toBe(false);
    await nop;
    expect(fake.count("WAKEUPS")).toBe(0);
  });

  it("keeps its thread alive while requests are in flight, and no longer", async () => {
    const fake = new FakeEngine({ credits: 4 });
    expect(fake.isAlive).toBe(false);
    const nop = fake.client.nop();
    await turn();
    expect(fake.isAlive).toBe(true);
    for (const request of fake.take()) fake.reply(request);
    fake.publish();
    await nop;
    await turn();
    expect(fake.isAlive).toBe(false);
  });
});
