/** Several rings behind one engine: one handle, clients spread over them, counts summed up, one end for all. */

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Worker } from "node:worker_threads";
import { operations } from "@ringpost/protocol";
import { type Client, connect, Engine, type RequestEvent } from "ringpost";
import { describe, expect, it } from "vitest";
import { connectSoon } from "../support/connecting.js";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { makeFifo } from "../support/fifos.js";
import { RawClient } from "../support/raw-client.js";
import { useTempDir } from "../support/temp-dir.js";

const WRONG_RANGE = { class: "RangeError", code: "ERR_OUT_OF_RANGE" };
const WRONG_TYPE = { class: "TypeError", code: "ERR_INVALID_ARG_TYPE" };
const PER_RING = 3;

it.each([
  [{ rings: 0 }, WRONG_RANGE],
  [{ rings: 65 }, WRONG_RANGE],
  [{ rings: 1.5 }, WRONG_RANGE],
  [{ rings: "2" }, WRONG_TYPE],
  [{ rings: 2, maxClients: 1025 }, WRONG_RANGE],
] as const)("Engine.start with %o rejects", async (options, failure) => {
  const wrong = options as unknown as { rings: number };
  expect(await failureOf(() => Engine.start(wrong))).toMatchObject(failure);
});

it("one ring is what there is by default", async () => {
  const engine = await Engine.start();
  const { rings, ...first } = engine.report;
  expect(rings).toEqual([first]);
  expect(engine.handle().otherRings).toEqual([]);
  await engine.close();
});

it.each([undefined, null, "no", [null], [{}], [{ engine: 1, memory: new ArrayBuffer(8) }]])(
  "a handle with %j for its other rings is refused",
  async (otherRings) => {
    const engine = await Engine.start();
    const handle = { ...engine.handle(), otherRings } as unknown as ReturnType<Engine["handle"]>;
    expect(await failureOf(() => connect(handle))).toMatchObject(WRONG_TYPE);
    await engine.close();
  },
);

describe("two rings", () => {
  const running = useEngine({ rings: 2, maxClients: 2 * PER_RING, credits: 8 });
  const dir = useTempDir();

  /** Clients connected now, of each ring. */
  const connected = (): number[] => {
    const counts = [0, 0];
    for (const { client, connected } of running.engine.stats().clients) {
      if (connected) counts[Math.floor(client / PER_RING)]!++;
    }
    return counts;
  };

  async function withClients(count: number, use: (clients: Client[]) => Promise<void>) {
    const clients: Client[] = [];
    for (let nth = 0; nth < count; nth++) clients.push(await connectSoon(running.engine));
    try {
      await Promise.all(clients.map((client) => client.nop())); // the engine knows them
      await use(clients);
    } finally {
      await Promise.all(clients.map((client) => client.disconnect()));
      await expect.poll(connected, { timeout: SOON_MS }).toEqual([1, 0]);
    }
  }

  it("each have what the kernel granted, and a thread", () => {
    const { report, worker } = running.engine;
    expect(report.rings).toHaveLength(2);
    expect(report).toMatchObject(report.rings[0]!);
    expect(new Set(report.rings.map(({ id }) => id)).size).toBe(2);
    expect(new Set(report.rings.map(({ thread }) => thread)).size).toBe(2);
    expect(worker).toBeInstanceOf(Worker);
  });

  it("share the clients: the one with fewer gets the next", () =>
    withClients(3, async () => expect(connected()).toEqual([2, 2])));

  it("take them until both are full, and then refuse with EAGAIN", () =>
    withClients(2 * PER_RING - 1, async () => {
      expect(connected()).toEqual([PER_RING, PER_RING]);
      const refused = await failureOf(() => connect(running.engine.handle()));
      expect(refused).toMatchObject({ code: "EAGAIN" });
    }));

  it("take those that come at once, from several threads, as long as there is room", async () => {
    const source = `
      const { workerData, parentPort } = require("node:worker_threads");
      import(workerData.url).then(async ({ connect }) => {
        const client = await connect(workerData.handle);
        await client.nop();
        parentPort.postMessage("connected");
        await new Promise((resolve) => parentPort.once("message", resolve));
        await client.disconnect();
        parentPort.close();
      });`;
    const workerData = {
      url: import.meta.resolve("ringpost"),
      handle: running.engine.handle(),
    };
    const workers = Array.from(
      { length: 2 * PER_RING - 1 },
      () => new Worker(source, { eval: true, workerData }),
    );
    const messages = workers.map(
      (worker) =>
        new Promise((resolve, reject) => {
          worker.once("message", resolve);
          worker.once("error", reject);
        }),
    );
    await within(SOON_MS, "connecting", Promise.all(messages));
    expect(connected()).toEqual([PER_RING, PER_RING]);
    for (const worker of workers) worker.postMessage("go");
    await expect.poll(connected, { timeout: SOON_MS }).toEqual([1, 0]);
  });

  it("number their clients through, in statistics and diagnostics", () =>
    withClients(1, async ([client]) => {
      const heard: number[] = [];
      const listen = (event: unknown): void => void heard.push((event as RequestEvent).client);
      subscribe("ringpost:request", listen);
      await client!.nop();
      await running.client.nop();
      unsubscribe("ringpost:request", listen);
      expect(heard).toEqual([PER_RING, 0]);
    }));

  it("are summed up in the statistics", () =>
    withClients(1, async ([client]) => {
      const before = running.engine.stats();
      const nops = (of: Client, count: number) =>
        Promise.all(Array.from({ length: count }, () => of.nop()));
      await Promise.all([nops(running.client, 20), nops(client!, 30)]);
      const after = running.engine.stats();
      expect(after.replied - before.replied).toBe(50);
      expect(after.enters).toBeGreaterThan(before.enters);
      const repliedOf = ({ clients }: typeof after, index: number) =>
        clients.find((each) => each.client === index)?.replied ?? 0;
      expect(repliedOf(after, 0) - repliedOf(before, 0)).toBe(20);
      expect(repliedOf(after, PER_RING) - repliedOf(before, PER_RING)).toBe(30);
    }));

  it("read files that the other one has opened", () =>
    withClients(1, async ([client]) => {
      const path = dir().file("content");
      const fd = await running.client.open(path);
      const buffer = Buffer.alloc(7);
      expect(await client!.read(fd, buffer, 0)).toBe(7);
      expect(buffer.toString()).toBe("content");
      await client!.close(fd);
    }));

  it("close a descriptor on which the other one waits, again and again", () =>
    withClients(1, async ([client]) => {
      for (let round = 0; round < 50; round++) {
        const fifo = makeFifo(dir().fresh());
        const [waiter, closer] =
          round % 2 === 0 ? [client!, running.client] : [running.client, client!];
        const fd = await closer.open(fifo.path, "r+");
        const read = failureOf(() => waiter.read(fd, Buffer.alloc(8)));
        await waiter.nop(); // it is with the kernel
        await within(SOON_MS, "close", closer.close(fd));
        expect(await within(SOON_MS, "read", read)).toMatchObject({ code: "ECANCELED" });
        // Mostly under the same number: what waits on that isn't meant.
        const again = await closer.open(fifo.path, "r+");
        const text = Buffer.alloc(5);
        const next = waiter.read(again, text);
        await waiter.nop();
        await closer.write(again, Buffer.from("hello"));
        expect(await within(SOON_MS, "next read", next)).toBe(5);
        await closer.close(again);
        fifo.close();
      }
    }));

  it("cut off who has more than its credits, whichever serves it", async () => {
    for (let nth = 0; nth < 4; nth++) {
      const raw = new RawClient(running.engine.handle({ credits: 2 }));
      for (let slot = 0; slot < 3; slot++) {
        raw.put({ SLOT: slot, GENERATION: 1, OPCODE: operations.nop.opcode });
      }
      raw.publish();
      await expect.poll(() => raw.isOrphaned, { timeout: SOON_MS, interval: 1 }).toBe(true);
      raw.native.close();
    }
    await running.client.nop();
  });
});

it("a close ends all rings, with requests in flight on each", async () => {
  const engine = await Engine.start({ rings: 3 });
  const clients = [engine.client, await connect(engine.handle()), await connect(engine.handle())];
  const waits = clients.map((client) => failureOf(() => client.timeout(60_000)));
  await Promise.all(clients.map((client) => client.nop()));
  await within(SOON_MS, "close", engine.close({ graceMs: 1 }));
  for (const { code } of await within(SOON_MS, "waits", Promise.all(waits))) {
    expect(["ECANCELED", "ERR_RINGPOST_CLOSED"]).toContain(code);
  }
  for (const client of clients) {
    expect(await failureOf(() => client.nop())).toMatchObject({ code: "ERR_RINGPOST_CLOSED" });
  }
  expect(() => engine.handle()).toThrow(expect.objectContaining({ code: "ERR_RINGPOST_CLOSED" }));
});

it("where the first ring's thread is terminated, the others serve on, and new clients come to them", async () => {
  const engine = await Engine.start({ rings: 2 });
  const handle = engine.handle();
  const other = await connect(handle);
  await engine.worker.terminate();
  await other.nop();
  await expect
    .poll(() => failureOf(() => engine.client.nop()))
    .toMatchObject({
      code: "ERR_RINGPOST_CLOSED",
    });
  const next = await connect(handle);
  await within(SOON_MS, "nop", next.nop());
  await within(SOON_MS, "close", engine.close());
});
