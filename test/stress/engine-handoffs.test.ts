/**
 * Very many requests through the real engine, with random depths and pauses. A wake-up of a client that is lost ends in a deadline.
 * One of the engine's doesn't, as the engine looks again after half a second: it shows as an idle wake-up amid the load.
 */
import { connect } from "ringpost";
import { describe, expect, it } from "vitest";
import { within } from "../support/deadline.js";
import { engineSetups, useEngine } from "../support/engine-setups.js";
import { chooseSeed, makeRandom, type Random } from "../support/random.js";

/** Of one request, or a burst of them: longer than any machine is busy, shorter than the test's own. */
const DEADLINE_MS = 15_000;

const pauses: readonly ((random: Random) => Promise<void> | void)[] = [
  () => undefined,
  () => undefined,
  () => new Promise((resolve) => setImmediate(resolve)),
  () => new Promise((resolve) => process.nextTick(resolve)),
  // Long enough for the engine to park, and for either side to be half way there.
  (random) => {
    for (const end = performance.now() + random.below(60) / 1000; performance.now() < end; );
  },
];

describe("hand-offs through the engine", () => {
  const running = useEngine();

  it("one request at a time", async () => {
    const random = makeRandom(chooseSeed("depth 1"));
    const before = running.engine.stats();
    for (let round = 0; round < 60; round++) {
      const someOf = async (): Promise<void> => {
        for (let nth = 0; nth < 1000; nth++) {
          await running.client.nop();
          await random.pick(pauses)(random);
        }
      };
      await within(DEADLINE_MS, `round ${round}`, someOf());
    }
    const after = running.engine.stats();
    expect(after.clients[0]!.settled).toBe(60_000);
    // Not none: the whole machine may have stood still.
    expect(after.idleWakeups - before.idleWakeups).toBeLessThan(3);
    expect(after.overflows).toBe(0);
  });

  it("random depths, and a pause in milliseconds now and then", async () => {
    const random = makeRandom(chooseSeed("random depths"));
    const before = running.engine.stats().clients[0]!.settled;
    let posted = 0;
    while (posted < 200_000) {
      const depth = 1 + random.below(random.pick([2, 8, 64, 600]));
      posted += depth;
      const nops = Array.from({ length: depth }, () => running.client.nop());
      await within(DEADLINE_MS, `after ${posted}`, Promise.all(nops));
      await random.pick(pauses)(random);
      if (random.below(500) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(running.engine.stats().clients[0]!.settled - before).toBe(posted);
  });
});

// Manual submission would make each hand-off wait for the next call of submit.
const automatic = engineSetups.filter(({ isManual = false }) => !isManual);

describe.each(automatic)("two clients that never wait for each other, $title", ({ options }) => {
  const running = useEngine(options);

  it("each get all their replies", async () => {
    const seed = chooseSeed("two clients");
    const other = await connect(running.engine.handle());
    const clients = [running.client, other].map(async (client, nth) => {
      const random = makeRandom(seed + nth);
      for (let posted = 0; posted < 10_000; ) {
        const depth = 1 + random.below(20);
        posted += depth;
        await Promise.all(Array.from({ length: depth }, () => client.nop()));
        await random.pick(pauses)(random);
      }
    });
    await within(DEADLINE_MS * 2, "both clients", Promise.all(clients));
    await other.disconnect();
    const { clients: stats } = running.engine.stats();
    for (const { posted, settled } of stats) expect(settled).toBe(posted);
  });
});
