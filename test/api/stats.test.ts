/** Counters: exact where a run determines them, and never at odds with each other. */
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { type ClientStats, connect, Engine, type HistogramBucket, percentile } from "ringpost";
import { describe, expect, it } from "vitest";
import { describeOnEngineSetups, useEngine } from "../support/engine-setups.js";
import { FakeEngine, turn } from "../support/fake-engine.js";
import { makeFifo } from "../support/fifos.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();

const total = (histogram: readonly HistogramBucket[]): number =>
  histogram.reduce((sum, { count }) => sum + count, 0);

function expectSettled(client: ClientStats): void {
  expect(client.taken).toBe(client.posted);
  expect(client.replied).toBe(client.posted);
  expect(client.settled + client.lateReplies).toBe(client.posted);
  expect(client.completed).toBe(client.submitted);
  expect(client.inFlight).toBe(0);
  expect(client.waiting).toBe(0);
  expect(total(client.batchSizes)).toBe(client.batches);
  expect(total(client.latencyNs)).toBe(client.replied);
}

describeOnEngineSetups((running) => {
  it("agree when all is settled, per client and as sums", async () => {
    const other = await connect(running.engine.handle());
    const clients = [running.client, other];
    await Promise.all(clients.flatMap((each) => Array.from({ length: 50 }, () => each.nop())));
    await running.client.readFile("/proc/self/stat");
    const stats = running.engine.stats();
    for (const client of stats.clients) expectSettled(client);
    for (const field of ["posted", "taken", "submitted", "settled", "batches", "punts"] as const) {
      expect(stats[field]).toBe(stats.clients.reduce((sum, client) => sum + client[field], 0));
    }
    expect(total(stats.latencyNs)).toBe(stats.replied);
    expect(total(stats.enterSizes)).toBeLessThanOrEqual(stats.enters);
    expect(stats.overflows).toBe(0);
    await other.disconnect();
  });
});

describe("of a run that determines them", () => {
  const running = useEngine();

  it("count each request and each of its submissions", async () => {
    await using engine = await Engine.start({ submit: "manual" });
    const { client } = engine;
    const first = client.readFile("/proc/self/stat"); // the first one has its buffer registered
    client.submit();
    await first;
    const before = engine.stats();
    const nops = Array.from({ length: 32 }, () => client.nop());
    client.submit();
    await Promise.all(nops);
    const read = client.readFile(new URL(import.meta.url).pathname); // open, read, read, close
    client.submit();
    await read;
    const after = engine.stats();
    expect(after.posted - before.posted).toBe(33);
    expect(after.submitted - before.submitted).toBe(32 + 4);
    const sizes = after.batchSizes.map(({ count }, nth) => count - before.batchSizes[nth]!.count);
    expect(sizes[5]).toBe(1); // the 32
    expect(sizes[0]).toBe(1);
    expect(after.batches - before.batches).toBe(2);
  });

  it("show what is in flight, and what waits", async () => {
    const engine = await Engine.start({ credits: 4 });
    const fifo = makeFifo(dir().fresh());
    const reads = Array.from({ length: 6 }, () =>
      engine.client.read(fifo.fd, Buffer.alloc(1), { timeoutMs: 30_000 }),
    );
    await expect.poll(() => engine.stats().inFlight).toBe(4);
    expect(engine.stats().waiting).toBe(2);
    expect(engine.stats().clients[0]).toMatchObject({ connected: true, inFlight: 4, waiting: 2 });
    engine.client.cancelAll();
    await Promise.allSettled(reads);
    expect(engine.stats()).toMatchObject({ inFlight: 0, waiting: 0 });
    fifo.close();
    await engine.close();
    expect(engine.stats().clients[0]).toMatchObject({ connected: false });
    expectSettled(engine.stats().clients[0]!);
  });

  it("put a request that takes its time into a late bucket", async () => {
    const fifo = makeFifo(dir().fresh());
    const before = running.engine.stats().latencyNs;
    const { taken } = running.engine.stats();
    const reading = running.client.read(fifo.fd, Buffer.alloc(1));
    while (running.engine.stats().taken === taken) await setTimeout(1);
    await setTimeout(20);
    await running.client.write(fifo.fd, Buffer.from("x"));
    await reading;
    const after = running.engine.stats().latencyNs;
    const counts = after.map(({ upTo, count }, nth) => ({
      upTo,
      count: count - before[nth]!.count,
    }));
    expect(total(counts)).toBe(2);
    expect(percentile(counts, 100)).toBeGreaterThan(10_000_000);
    fifo.close();
  });

  it("are plain data", async () => {
    await running.client.nop();
    const stats = running.engine.stats();
    expect(structuredClone(stats)).toEqual(stats);
    expect(JSON.parse(JSON.stringify(stats))).toEqual(stats);
  });

  it("keep a worker's mailbox apart, and say when it is gone", async () => {
    const fixture = new URL("fixtures/nops.mjs", import.meta.url);
    const before = running.engine.stats();
    const worker = new Worker(fixture, { workerData: running.engine.handle() });
    await once(worker, "exit");
    const { clients } = running.engine.stats();
    const theirs = clients.find(({ client }) => client === 1)!;
    const postedBefore = before.clients.find(({ client }) => client === 1)?.posted ?? 0;
    expect(theirs.posted - postedBefore).toBe(10);
    expect(theirs.connected).toBe(false);
    expect(clients[0]!.posted).toBe(before.clients[0]!.posted);
  });
});

it("of a client whose replies come late: each is settled or dropped", async () => {
  const fake = new FakeEngine({ credits: 2 });
  const nops = [fake.client.nop(), fake.client.nop(), fake.client.nop()];
  await turn();
  expect(fake.count("WAITING")).toBe(1);
  const taken = fake.take();
  for (const request of taken) fake.reply(request);
  fake.reply(taken[0]!);
  fake.publish();
  await Promise.all(nops.slice(0, 2));
  await turn();
  expect(fake.count("LATE_REPLIES")).toBe(1);
  expect(fake.count("WAITING")).toBe(0);
  for (const request of fake.take()) fake.reply(request);
  fake.publish();
  await Promise.all(nops);
  expect(fake.count("SETTLED")).toBe(fake.count("POSTED"));
});

describe("kernelWorkers", () => {
  const running = useEngine();

  it("counts the threads that carry out what can't be done at once, and punts what was sent there", async () => {
    expect(running.engine.kernelWorkers()).toBe(0);
    const before = running.engine.stats().punts;
    // A copy of four megabytes is sent to a worker thread; the threads end some seconds after their last work.
    const large = Buffer.alloc(4 << 20);
    const fd = await running.client.open("/dev/shm", 0o20200002); // O_TMPFILE | O_RDWR
    await running.client.write(fd, large, { position: 0 });
    expect(running.engine.stats().punts - before).toBe(1);
    expect(running.engine.kernelWorkers()).toBeGreaterThan(0);
    await running.client.close(fd);
  });
});
