import fs from "node:fs";
import { connect, type Lease } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { patternBytes, viewKinds } from "../support/fenced-views.js";
import { makeFifo } from "../support/fifos.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const descriptors = useDescriptors();

const giveBack = (leases: Iterable<Lease>): void => {
  for (const lease of leases) lease[Symbol.dispose]();
};

/** Whether two buffers share a byte. */
const overlap = (one: Buffer, other: Buffer): boolean =>
  one.buffer === other.buffer &&
  one.byteOffset < other.byteOffset + other.length &&
  other.byteOffset < one.byteOffset + one.length;

describeOnEngineSetups((running) => {
  const lend = (bytes: number): Lease => running.client.lease(bytes);

  it.each([1, 100, 4096, 4097, 65_536, 1 << 20, (1 << 20) + 1, 3 << 20])(
    "lends %d bytes",
    async (bytes) => {
      using lease = lend(bytes);
      expect(lease.buffer).toBeInstanceOf(Buffer);
      expect(lease.buffer.length).toBe(bytes);
      expect(lease.buffer.buffer).toBeInstanceOf(SharedArrayBuffer);

      const pattern = patternBytes(bytes);
      const path = dir().file(pattern);
      expect(await running.client.read(descriptors.open(path), lease.buffer)).toBe(bytes);
      expect(lease.buffer.equals(pattern)).toBe(true);
      const copy = dir().fresh();
      expect(await running.client.write(descriptors.open(copy, "w"), lease.buffer, 0)).toBe(bytes);
      expect(fs.readFileSync(copy).equals(pattern)).toBe(true);
    },
  );

  it("is fit for O_DIRECT, where other buffers are not", async (context) => {
    const pattern = patternBytes(16_384);
    const path = dir().file(pattern);
    const fd = descriptors.openDirect(context, running.engine, path, fs.constants.O_RDWR);
    for (const bytes of [4096, 8192, 16_384]) {
      using lease = lend(bytes);
      expect(await running.client.read(fd, lease.buffer, 0)).toBe(bytes);
      expect(lease.buffer.equals(pattern.subarray(0, bytes))).toBe(true);
      lease.buffer.fill(0);
      expect(await running.client.readv(fd, [lease.buffer], 0)).toBe(bytes);
      expect(lease.buffer.equals(pattern.subarray(0, bytes))).toBe(true);
      lease.buffer.reverse();
      expect(await running.client.write(fd, lease.buffer, 0)).toBe(bytes);
      lease.buffer.reverse();
      expect(await running.client.write(fd, lease.buffer, 0)).toBe(bytes);
    }
    expect(fs.readFileSync(path).equals(pattern)).toBe(true);
  });

  it("can be used in parts, as any kind of view, beside other buffers", async () => {
    using lease = lend(8192);
    lease.buffer.fill(0xa5);
    const pattern = patternBytes(64);
    const fd = descriptors.open(dir().file(pattern));
    for (const make of Object.values(viewKinds)) {
      const view = make(lease.buffer.buffer, lease.buffer.byteOffset + 4096, 64);
      expect(await running.client.read(fd, view, 0)).toBe(64);
      expect(lease.buffer.subarray(4096, 4160).equals(pattern)).toBe(true);
      lease.buffer.fill(0xa5, 4096, 4160);
    }
    const [inside, outside] = [lease.buffer.subarray(1, 33), Buffer.alloc(32)];
    expect(await running.client.readv(fd, [inside, outside], 0)).toBe(64);
    expect(Buffer.concat([inside, outside]).equals(pattern)).toBe(true);
    inside.fill(0xa5);
    expect(lease.buffer.every((byte) => byte === 0xa5)).toBe(true);
  });

  it("reads and writes whole files from it", async () => {
    using lease = lend(5000);
    lease.buffer.set(patternBytes(5000));
    const path = dir().fresh();
    await running.client.writeFile(path, lease.buffer);
    expect(fs.readFileSync(path).equals(patternBytes(5000))).toBe(true);
  });

  it("shares no byte with another lease", async () => {
    const leases = Array.from({ length: 60 }, (_, nth) => lend(1 + ((nth * 997) % 20_000)));
    leases.forEach(({ buffer }, nth) => {
      buffer.fill(nth);
    });
    const fd = descriptors.open(dir().file(Buffer.alloc(20_000)));
    for (let nth = 0; nth < leases.length; nth += 2) {
      const { buffer } = leases[nth]!;
      expect(await running.client.read(fd, buffer, 0)).toBe(buffer.length);
    }
    leases.forEach(({ buffer }, nth) => {
      expect(buffer.every((byte) => byte === (nth % 2 === 0 ? 0 : nth))).toBe(true);
    });
    giveBack(leases);
  });

  it("lends memory again that was given back", () => {
    const seen = new Set<ArrayBufferLike>();
    for (let nth = 0; nth < 1000; nth++) {
      using lease = lend(4096);
      seen.add(lease.buffer.buffer);
    }
    expect(seen.size).toBe(1);
  });

  it("may be given back twice", () => {
    const lease = lend(4096);
    lease[Symbol.dispose]();
    const next = lend(4096);
    lease[Symbol.dispose]();
    const after = lend(4096);
    expect(overlap(next.buffer, after.buffer)).toBe(false);
    giveBack([next, after]);
  });

  it("is not lent again while a request uses it", async () => {
    const other = await connect(running.engine.handle());
    const fifo = makeFifo(dir().fresh());
    const first = other.lease(4096);
    const read = other.read(fifo.fd, first.buffer);
    first[Symbol.dispose]();
    const others = Array.from({ length: 600 }, () => other.lease(4096));
    expect(others.some(({ buffer }) => overlap(buffer, first.buffer))).toBe(false);
    fs.writeSync(fifo.fd, "late");
    expect(await within(SOON_MS, "read", read)).toBe(4);
    const more = Array.from({ length: 600 }, () => other.lease(4096));
    expect(more.filter(({ buffer }) => overlap(buffer, first.buffer))).toHaveLength(1);
    await other.close();
    fifo.close();
  });

  it("is not lent again while a request with it waits for a slot", async () => {
    const other = await connect(running.engine.handle());
    const file = descriptors.open(dir().file("theirs"));
    const nops = Array.from({ length: 300 }, () => other.nop()); // all slots, in any of these engines
    const first = other.lease(4096);
    const read = other.read(file, first.buffer, 0);
    first[Symbol.dispose]();
    const others = Array.from({ length: 600 }, () => other.lease(4096));
    expect(others.some(({ buffer }) => overlap(buffer, first.buffer))).toBe(false);
    await Promise.all(nops);
    expect(await within(SOON_MS, "read", read)).toBe(6);
    await other.close();
  });

  it.each(["readv", "writev"] as const)("is not lent again while %s uses it", async (call) => {
    const other = await connect(running.engine.handle());
    const pipe = makeFifo(dir().fresh());
    const leases = [other.lease(4096), other.lease(8192)];
    const full = Buffer.alloc(1 << 16);
    if (call === "writev") fs.writeSync(pipe.fd, full); // nothing more goes in
    const moved = other[call](pipe.fd, [Buffer.alloc(0), ...leases.map(({ buffer }) => buffer)]);
    giveBack(leases);
    const others = [4096, 8192].flatMap((bytes) =>
      Array.from({ length: 300 }, () => other.lease(bytes)),
    );
    const shared = (some: Lease[]): number =>
      some.filter(({ buffer }) => leases.some((lease) => overlap(buffer, lease.buffer))).length;
    expect(shared(others)).toBe(0);
    if (call === "writev") fs.readSync(pipe.fd, full);
    else fs.writeSync(pipe.fd, "late");
    expect(await within(SOON_MS, call, moved)).toBeGreaterThan(0);
    expect(shared([4096, 8192].flatMap((bytes) => [other.lease(bytes)]))).toBe(2);
    await other.close();
    pipe.close();
  });

  it("keeps its neighbours apart, whatever part of it is used", async () => {
    const fd = descriptors.open(dir().file(patternBytes(8192)));
    const [one, next] = [lend(4096), lend(4096)];
    await running.client.read(fd, one.buffer.subarray(4096), 0); // nothing, at the very end
    await running.client.readv(fd, [one.buffer.subarray(4096), Buffer.alloc(1)], 0);
    const more = [lend(4096), lend(4096), lend(4096)];
    const all = [one, next, ...more];
    for (const a of all)
      for (const b of all) expect(a !== b && overlap(a.buffer, b.buffer)).toBe(false);
    giveBack(all);
  });

  it("is lent to one at a time even if it is used after it was given back", async () => {
    const fd = descriptors.open(dir().file("x"));
    const gone = lend(4096);
    giveBack([gone]);
    await running.client.read(fd, gone.buffer, 0);
    const [one, other] = [lend(4096), lend(4096)];
    expect(overlap(one.buffer, other.buffer)).toBe(false);
    giveBack([one, other]);
  });

  it("lends more than can be registered", async () => {
    const other = await connect(running.engine.handle());
    const pattern = patternBytes(100);
    const fd = descriptors.open(dir().file(pattern));
    // Each needs a slab of its own: 80 of at most 64.
    const leases = Array.from({ length: 80 }, () => other.lease(1 << 20));
    const reads = leases.map(({ buffer }) => other.read(fd, buffer, 0));
    expect(await within(SOON_MS, "reads", Promise.all(reads))).toEqual(leases.map(() => 100));
    expect(leases.every(({ buffer }) => buffer.subarray(0, 100).equals(pattern))).toBe(true);
    giveBack(leases);
    await other.close();
  });

  it("takes a slab for each size, which is counted as registered or refused", async () => {
    const other = await connect(running.engine.handle());
    const counts = (): [registered: number, refused: number] => {
      const { slabsRegistered, slabsRefused } = running.engine.stats();
      return [slabsRegistered, slabsRefused];
    };
    const [registered, refused] = counts();
    for (const bytes of [4096, 5000, 8192, 4095]) {
      const lease = other.lease(bytes); // of two sizes
      await other.nop();
      lease[Symbol.dispose]();
    }
    const { registeredBuffers } = running.engine.report;
    const [more, moreRefused] = counts().map((count, nth) => count - [registered, refused][nth]!);
    expect(more! + moreRefused!).toBe(2);
    if (!registeredBuffers) expect(more).toBe(0);
    await other.close();
  });

  it("waits its turn where requests hold all the slots", async () => {
    const pattern = patternBytes(4096);
    const fd = descriptors.open(dir().file(pattern));
    const other = await connect(running.engine.handle());
    const nops = Array.from({ length: 300 }, () => other.nop());
    using lease = other.lease(4096);
    expect(await other.read(fd, lease.buffer)).toBe(4096);
    expect(lease.buffer.equals(pattern)).toBe(true);
    await Promise.all(nops);
    await other.close();
  });

  describe("of a bad size", () => {
    it.each([0, -1, 2 ** 31])("of %d says what there is", (bytes) => {
      expect(() => lend(bytes)).toThrow("It must be >= 1 && <= 2147479552. Received");
    });

    it.each([0, -1, 1.5, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY])(
      "of %d throws",
      (bytes) => {
        expect(() => lend(bytes)).toThrow(
          expect.objectContaining({ name: "RangeError", code: "ERR_OUT_OF_RANGE" }),
        );
      },
    );

    it.each(["4096", undefined, null, 4096n, {}])("of %s throws", (bytes) => {
      expect(() => lend(bytes as unknown as number)).toThrow(
        expect.objectContaining({ name: "TypeError", code: "ERR_INVALID_ARG_TYPE" }),
      );
    });
  });

  it("is refused by a closed client", async () => {
    const other = await connect(running.engine.handle());
    await other.close();
    expect(() => other.lease(4096)).toThrow(
      expect.objectContaining({ code: "ERR_RINGPOST_CLOSED" }),
    );
  });
});
