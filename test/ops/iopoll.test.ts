/**
 * Transfers past the page cache on an engine with `iopoll`: polled for where the device has poll queues, refused with one clear
 * error where it hasn't. `npm run test:iopoll` runs these on a device of either kind: TMPDIR has poll queues there, and
 * RINGPOST_UNPOLLED_DIR hasn't.
 */
import fs from "node:fs";
import { connect, Engine, type Lease } from "ringpost";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";
import { patternBytes } from "../support/fenced-views.js";
import { makeFifo } from "../support/fifos.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { hasPollQueues, NO_POLL_QUEUES } from "../support/poll-queues.js";
import { TempDir, useTempDir } from "../support/temp-dir.js";

const { O_CREAT, O_DIRECT, O_RDONLY, O_RDWR, O_WRONLY } = fs.constants;
const BLOCK_BYTES = 4096;

const dir = useTempDir();
const descriptors = useDescriptors();

describe("with poll queues", () => {
  const running = useEngine({ iopoll: true, maxClients: 8 });
  beforeEach((context) => {
    if (hasPollQueues(dir().path) !== true) context.skip(NO_POLL_QUEUES);
  });
  const openDirect = (path: string): number => descriptors.open(path, O_RDWR | O_DIRECT | O_CREAT);
  const polled = (): number => running.engine.stats().polled;
  const lend = (count: number, bytes = BLOCK_BYTES): Lease[] =>
    Array.from({ length: count }, () => running.client.lease(bytes));
  const giveBack = (leases: readonly Lease[]): void => {
    for (const lease of leases) lease[Symbol.dispose]();
  };

  it.each([BLOCK_BYTES, 65_536, 1 << 20, 8 << 20])(
    "writes and reads %d bytes, and polls for both",
    async (bytes) => {
      const before = polled();
      const [written, read] = lend(2, bytes) as [Lease, Lease];
      written.buffer.set(patternBytes(bytes));
      const path = dir().fresh();
      const fd = openDirect(path);
      expect(await running.client.write(fd, written.buffer, { position: 0 })).toBe(bytes);
      expect(await running.client.read(fd, read.buffer, { position: 0 })).toBe(bytes);
      expect(read.buffer.equals(written.buffer)).toBe(true);
      expect(fs.readFileSync(path).equals(written.buffer)).toBe(true);
      expect(polled()).toBe(before + 2);
      giveBack([written, read]);
    },
  );

  it("gathers and scatters", async () => {
    const leases = lend(4);
    leases.forEach(({ buffer }, nth) => {
      buffer.fill(nth + 1);
    });
    const buffers = leases.map(({ buffer }) => buffer);
    const fd = openDirect(dir().fresh());
    const before = polled();
    expect(await running.client.writev(fd, buffers, { position: 0 })).toBe(4 * BLOCK_BYTES);
    expect(await running.client.readv(fd, [...buffers].reverse(), { position: 0 })).toBe(
      4 * BLOCK_BYTES,
    );
    expect(buffers.map((buffer) => buffer[0])).toEqual([4, 3, 2, 1]);
    expect(polled()).toBe(before + 2);
    giveBack(leases);
  });

  it("has many in flight, of several clients, beside ordinary operations", async () => {
    const blocks = 512;
    const path = dir().file(
      Buffer.concat(Array.from({ length: blocks }, (_, nth) => Buffer.alloc(BLOCK_BYTES, nth))),
    );
    fs.fsyncSync(descriptors.open(path, "r+"));
    const fd = openDirect(path);
    const clients = await Promise.all(
      Array.from({ length: 3 }, () => connect(running.engine.handle())),
    );
    const before = polled();
    const readAll = async (client: (typeof clients)[number]): Promise<void> => {
      for (let first = 0; first < blocks; first += 128) {
        const leases = Array.from({ length: 128 }, () => client.lease(BLOCK_BYTES));
        const reads = leases.map(({ buffer }, nth) =>
          client.read(fd, buffer, { position: (first + nth) * BLOCK_BYTES }),
        );
        const others = [client.stat(path), client.nop(), client.readFile(path)];
        expect(await Promise.all(reads)).toEqual(leases.map(() => BLOCK_BYTES));
        await Promise.all(others);
        leases.forEach(({ buffer }, nth) => {
          expect(buffer.every((byte) => byte === (first + nth) % 256)).toBe(true);
        });
        giveBack(leases);
      }
    };
    await within(SOON_MS * 4, "reads", Promise.all(clients.map(readAll)));
    expect(polled()).toBe(before + 3 * blocks);
    await Promise.all(clients.map((client) => client.close()));
  });

  it("goes on from one null position to the next", async () => {
    const blocks = 16;
    const fd = openDirect(
      dir().file(
        Buffer.concat(Array.from({ length: blocks }, (_, nth) => Buffer.alloc(BLOCK_BYTES, nth))),
      ),
    );
    const leases = lend(blocks);
    await Promise.all(leases.map(({ buffer }) => running.client.read(fd, buffer)));
    expect(leases.map(({ buffer }) => buffer[0])).toEqual(leases.map((_, nth) => nth));
    const [extra] = lend(1) as [Lease];
    expect(await running.client.read(fd, extra.buffer)).toBe(0);
    giveBack([...leases, extra]);
  });

  it("says EINVAL of what isn't aligned, as ever", async () => {
    const fd = openDirect(dir().file(Buffer.alloc(2 * BLOCK_BYTES)));
    using lease = running.client.lease(2 * BLOCK_BYTES);
    const moves = [
      () => running.client.read(fd, lease.buffer.subarray(0, 100), { position: 0 }),
      () => running.client.read(fd, lease.buffer.subarray(0, BLOCK_BYTES), { position: 7 }),
      () => running.client.write(fd, lease.buffer.subarray(0, 100), { position: 0 }),
      () => running.client.readv(fd, [lease.buffer.subarray(0, 100)], { position: 0 }),
    ];
    for (const move of moves) await expect(move()).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("reads nothing at the end, and says EBADF where the mode forbids it", async () => {
    const path = dir().file(Buffer.alloc(BLOCK_BYTES));
    using lease = running.client.lease(BLOCK_BYTES);
    const atEnd = running.client.read(openDirect(path), lease.buffer, { position: BLOCK_BYTES });
    expect(await atEnd).toBe(0);
    const writeOnly = descriptors.open(path, O_WRONLY | O_DIRECT);
    const read = running.client.read(writeOnly, lease.buffer, { position: 0 });
    await expect(read).rejects.toMatchObject({ code: "EBADF" });
  });

  it("polls for whole files, too", async () => {
    const before = polled();
    const data = patternBytes(64 * 1024 - BLOCK_BYTES);
    const path = dir().file(data);
    const whole = await running.client.readFile(path, { flag: O_RDONLY | O_DIRECT });
    expect(whole.equals(data)).toBe(true);
    expect(polled()).toBeGreaterThan(before);
  });

  it("lets a transfer end that is cancelled, and hands its bytes over", async () => {
    const fd = openDirect(dir().file(patternBytes(1 << 20)));
    for (let round = 0; round < 50; round++) {
      using lease = running.client.lease(1 << 20);
      const stop = new AbortController();
      const read = running.client.read(fd, lease.buffer, { position: 0, signal: stop.signal });
      setImmediate(() => stop.abort());
      const outcome = await read.catch((error: Error) => error.name);
      expect([1 << 20, "AbortError"]).toContain(outcome);
      if (outcome === 1 << 20) expect(lease.buffer.equals(patternBytes(1 << 20))).toBe(true);
    }
  });

  it("waits for polled transfers where their file, client or engine is closed", async () => {
    const engine = await Engine.start({ iopoll: true });
    const other = await connect(engine.handle());
    const fd = fs.openSync(dir().file(patternBytes(1 << 20)), O_RDWR | O_DIRECT);
    const readSome = (client: typeof other): Promise<number>[] =>
      Array.from({ length: 64 }, (_, nth) => {
        const { buffer } = client.lease(BLOCK_BYTES);
        return client.read(fd, buffer, { position: nth * BLOCK_BYTES });
      });
    const reads = [...readSome(other), ...readSome(engine.client)];
    const closed = engine.client.close(fd);
    expect(await Promise.all(reads)).toEqual(reads.map(() => BLOCK_BYTES));
    await closed;
    await within(SOON_MS, "close", Promise.all([other.close(), engine.close()]));
  });

  it("sleeps again when nothing is polled for", async () => {
    const fd = openDirect(dir().file(Buffer.alloc(BLOCK_BYTES)));
    using lease = running.client.lease(BLOCK_BYTES);
    await running.client.read(fd, lease.buffer, { position: 0 });
    const before = running.engine.stats().enters;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(running.engine.stats().enters - before).toBeLessThan(20);
  });
});

describe("without poll queues", () => {
  const unpolled = new TempDir(process.env.RINGPOST_UNPOLLED_DIR);
  afterAll(() => unpolled.remove());
  const running = useEngine({ iopoll: true });
  const refusal = {
    code: "EOPNOTSUPP",
    errno: -95,
    message: expect.stringMatching(
      /^EOPNOTSUPP: the device or file system has no poll queues, (read|write).*nvme\.poll_queues.*without iopoll/,
    ),
  };
  let path = "";
  beforeEach((context) => {
    if (hasPollQueues(unpolled.path) !== false) {
      context.skip("the temporary directory lies on no block device, or on one with poll queues");
    }
    path = unpolled.file(patternBytes(8 * BLOCK_BYTES));
  });

  it("every kind of transfer says so, and moves nothing", async () => {
    const fd = descriptors.open(path, O_RDWR | O_DIRECT);
    using lease = running.client.lease(BLOCK_BYTES);
    const { client } = running;
    const { buffer } = lease;
    buffer.fill(0xa5);
    const transfers = [
      client.read(fd, buffer, { position: 0 }),
      client.write(fd, buffer, { position: 0 }),
      client.readv(fd, [buffer], { position: 0 }),
      client.writev(fd, [buffer], { position: 0 }),
      client.readFile(path, { flag: O_RDONLY | O_DIRECT }),
      client.writeFile(path, buffer, { flag: O_WRONLY | O_DIRECT }),
      ...Array.from({ length: 500 }, () => client.read(fd, buffer)),
    ];
    const outcomes = await within(SOON_MS, "transfers", Promise.allSettled(transfers));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: refusal });
    }
    expect(buffer.every((byte) => byte === 0xa5)).toBe(true);
    expect(fs.readFileSync(path).equals(patternBytes(8 * BLOCK_BYTES))).toBe(true);
  });

  it("all else works, of the same file and on the same descriptor", async () => {
    const direct = descriptors.open(path, O_RDWR | O_DIRECT);
    const buffered = descriptors.open(path, "r+");
    const buffer = Buffer.alloc(100);
    expect(await running.client.read(buffered, buffer, { position: 1 })).toBe(100);
    expect(buffer.equals(patternBytes(101).subarray(1))).toBe(true);
    await running.client.fsync(direct);
    expect((await running.client.stat(direct)).size).toBe(8 * BLOCK_BYTES);
  });

  it("an engine without iopoll transfers", async () => {
    await using plain = await Engine.start();
    expect(plain.report.polledRing).toBe(false);
    const fd = descriptors.open(path, O_RDWR | O_DIRECT);
    using lease = plain.client.lease(BLOCK_BYTES);
    expect(await plain.client.read(fd, lease.buffer, { position: 0 })).toBe(BLOCK_BYTES);
  });

  it("a close waits for what is polled for", async () => {
    await using engine = await Engine.start({
      iopoll: true,
      testing: { assumePollQueues: true },
    });
    using lease = engine.client.lease(BLOCK_BYTES);
    for (let round = 0; round < 20; round++) {
      const fd = fs.openSync(path, O_RDWR | O_DIRECT);
      const writes = Array.from({ length: 8 }, (_, nth) =>
        engine.client.write(fd, lease.buffer, { position: nth * BLOCK_BYTES }),
      );
      const closed = engine.client.close(fd);
      expect(await Promise.all(writes)).toEqual(writes.map(() => BLOCK_BYTES));
      await closed;
    }
  });

  it("and writes that the kernel then makes by interrupt are found by polling, too", async () => {
    await using engine = await Engine.start({
      iopoll: true,
      testing: { assumePollQueues: true },
    });
    const { client } = engine;
    const fd = fs.openSync(path, O_RDWR | O_DIRECT);
    const leases = Array.from({ length: 200 }, () => client.lease(BLOCK_BYTES));
    const fifo = makeFifo(unpolled.fresh());
    const waiting = client.read(fifo.fd, Buffer.alloc(10));
    const writes = leases.map(({ buffer }, nth) =>
      client.write(fd, buffer.fill(nth), { position: (8 + nth) * BLOCK_BYTES }),
    );
    await Promise.all([client.stat(path), client.nop(), client.readFile(path)]);
    fs.writeSync(fifo.fd, "late");
    expect(await within(SOON_MS, "read", waiting)).toBe(4);
    expect(await within(SOON_MS, "writes", Promise.all(writes))).toEqual(
      leases.map(() => BLOCK_BYTES),
    );
    const written = fs.readFileSync(path).subarray(8 * BLOCK_BYTES);
    leases.forEach((_, nth) => {
      expect(written[nth * BLOCK_BYTES]).toBe(nth);
    });
    // The kernel says the same as sysfs, since Linux 6.10; before, it reads by interrupt without a word.
    const read = await client
      .read(fd, leases[0]!.buffer, { position: 0 })
      .catch((error: unknown) => error);
    if (read !== BLOCK_BYTES) expect(read).toMatchObject(refusal);
    fs.closeSync(fd);
    fifo.close();
  });
});
