/** Reads of cached data by the client itself (packages/client/src/hot-reads.ts): which they are, and that nobody can tell by the bytes. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { constants, readFileSync, writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { type Client, connect, Engine, type EngineOptions, type RequestEvent } from "ringpost";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { makeFifo } from "../support/fifos.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const KIB = 1024;
const POSIX_FADV_DONTNEED = 4;
const RWF_NOWAIT = 8;
/** As many as show that a client does one thing after the other. */
const CALM = 32;

const dir = useTempDir();
const descriptors = useDescriptors();
const running = useEngine({ hotReads: true });

/** Not in tmpfs or overlayfs, nor before Linux 6.5. */
let readsHotHere = false;
beforeAll(async () => {
  const { fd } = cachedFile(8);
  const { client, engine } = running;
  const read = () => client.read(fd, Buffer.alloc(8), { position: 0 });
  readsHotHere = (await hotAmong(engine, client, read)) > 0;
});

/** Random, and read once, so that it is cached. */
function cachedFile(bytes: number): { fd: number; data: Buffer } {
  const data = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) data.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  const path = dir().file(data);
  return { fd: descriptors.open(path), data: readFileSync(path) };
}

async function beCalm(client: Client): Promise<void> {
  for (let nth = 0; nth < CALM; nth++) await client.nop();
}

/** How many of the reads were hot. */
async function hotAmong(engine: Engine, client: Client, reads: () => Promise<unknown>) {
  await beCalm(client);
  const before = engine.stats().hotReads;
  await reads();
  return engine.stats().hotReads - before;
}

describe("hot are", () => {
  beforeEach(({ skip }) => skip(!readsHotHere, "nothing is read hot here"));

  const hotHere = (reads: () => Promise<unknown>) =>
    hotAmong(running.engine, running.client, reads);

  it("the reads of a client that makes one after the other, and their bytes are the file's", async () => {
    const { fd, data } = cachedFile(300 * KIB + 7);
    const { client } = running;
    const hot = await hotHere(async () => {
      for (let position = 0; position < data.length; position += 3001) {
        const view = Buffer.alloc(3001);
        const bytes = await client.read(fd, view, { position });
        expect(bytes).toBe(Math.min(3001, data.length - position));
        expect(view.subarray(0, bytes).equals(data.subarray(position, position + bytes))).toBe(
          true,
        );
        expect(view.subarray(bytes).every((byte) => byte === 0)).toBe(true);
      }
    });
    expect(hot).toBe(Math.ceil(data.length / 3001));
  });

  it("those at the end of the file", async () => {
    const { fd } = cachedFile(100);
    const { client } = running;
    const hot = await hotHere(async () => {
      expect(await client.read(fd, Buffer.alloc(100), { position: 90 })).toBe(10);
      expect(await client.read(fd, Buffer.alloc(5000), { position: 0 })).toBe(100);
      expect(await client.read(fd, Buffer.alloc(100), { position: 100 })).toBe(0);
    });
    expect(hot).toBe(3);
  });

  it("those at positions beyond 4 GiB, given as number or bigint", async () => {
    const position = 5 * 2 ** 32 + 12;
    const fd = descriptors.open(dir().fresh(), "w+");
    writeSync(fd, "far", position);
    const hot = await hotHere(async () => {
      for (const at of [position, BigInt(position)]) {
        const view = Buffer.alloc(8);
        expect(await running.client.read(fd, view, { position: at })).toBe(3);
        expect(view.toString("latin1", 0, 3)).toBe("far");
      }
    });
    expect(hot).toBe(2);
  });

  it("those into leases, parts of views, and views of other kinds", async () => {
    const { fd, data } = cachedFile(64 * KIB);
    using lease = running.client.lease(4 * KIB);
    const doubles = new Float64Array(4);
    const part = Buffer.alloc(100);
    const hot = await hotHere(async () => {
      await running.client.read(fd, lease.buffer.subarray(8, 24), { position: 4 });
      await running.client.read(fd, doubles, { position: 8 });
      await running.client.read(fd, part, { position: 12, offset: 50, length: 20 });
    });
    expect(hot).toBe(3);
    expect(lease.buffer.subarray(8, 24).equals(data.subarray(4, 20))).toBe(true);
    expect(Buffer.from(doubles.buffer).equals(data.subarray(8, 40))).toBe(true);
    expect(part.subarray(50, 70).equals(data.subarray(12, 32))).toBe(true);
    expect(part.subarray(0, 50).every((byte) => byte === 0)).toBe(true);
    expect(part.subarray(70).every((byte) => byte === 0)).toBe(true);
  });

  it("files of fewer than 64 KiB, read whole", async ({ skip }) => {
    const { client } = running;
    const paths = [1, 100, 5000, 64 * KIB - 1].map((bytes) =>
      dir().file(Buffer.alloc(bytes, `${bytes}`)),
    );
    const hot = await hotHere(async () => {
      for (const path of paths) expect(await client.readFile(path)).toEqual(readFileSync(path));
      expect(await client.readFile(paths[2]!, "latin1")).toBe("5000".repeat(1250));
      const [first, second] = [await client.readFile(paths[1]!), await client.readFile(paths[1]!)];
      expect(first).toEqual(second);
      expect(first.buffer).not.toBe(second.buffer);
    });
    skip(hot === 0, "no file system that opens at once (native/src/file_systems.h)");
    expect(hot).toBe(paths.length + 3);
  });

  it("those of two busy clients with several at a time", async () => {
    const { fd, data } = cachedFile(64 * KIB);
    const other = await connect(running.engine.handle());
    const before = running.engine.stats().hotReads;
    const end = performance.now() + SOON_MS; // busy is so many in so short a time, and the machine may be
    const isOver = () => running.engine.stats().hotReads - before > 500 || performance.now() > end;
    const loop = async (client: Client, first: number): Promise<void> => {
      const view = Buffer.alloc(1024);
      for (let nth = 1; nth % 256 > 0 || !isOver(); nth++) {
        const position = (first + nth * 4099) % (63 * KIB);
        await client.read(fd, view.fill(0), { position });
        if (!view.equals(data.subarray(position, position + 1024))) throw new Error("other bytes");
      }
    };
    const loops = [0, 1, 2, 3].flatMap((nth) =>
      [running.client, other].map((client) => loop(client, nth * 8 * KIB)),
    );
    await Promise.all(loops);
    expect(running.engine.stats().hotReads - before).toBeGreaterThan(500);
    await other.disconnect();
  });

  it("those of a worker", async () => {
    const { fd } = cachedFile(4 * KIB);
    const worker = new Worker(new URL("./fixtures/hot-reads.mjs", import.meta.url), {
      workerData: { handle: running.engine.handle(), fd },
    });
    const before = running.engine.stats().hotReads;
    const exited = new Promise((resolve) => worker.once("exit", resolve));
    expect(await within(SOON_MS, "the worker", exited)).toBe(0);
    expect(running.engine.stats().hotReads - before).toBeGreaterThan(1000);
  });
});

describe("through the ring go", () => {
  const BYTES = 4 * KIB;

  async function expectNoneHot(
    options: EngineOptions,
    read: (client: Client, fd: number) => Promise<unknown>,
  ): Promise<void> {
    const { fd } = cachedFile(200 * KIB);
    await using engine = await Engine.start(options);
    const { client } = engine;
    const submitting = setInterval(() => client.submit(), 1);
    const hot = await within(
      SOON_MS,
      "reads",
      hotAmong(engine, client, async () => {
        for (let nth = 0; nth < 20; nth++) await read(client, fd);
      }),
    );
    clearInterval(submitting);
    expect(hot).toBe(0);
  }

  const plainRead = (client: Client, fd: number) =>
    client.read(fd, Buffer.alloc(BYTES), { position: 0 });

  it.each<EngineOptions>([
    { hotReads: false },
    { sqpoll: true },
    { submit: "manual" },
    { submit: { threshold: 1 } },
  ])("all with %j", async (options) => {
    await expectNoneHot(options, plainRead);
  });

  it("all with an allow-list", async () => {
    await expectNoneHot({ operations: ["nop", "read"] }, plainRead);
    await expectNoneHot({ operations: ["nop"] }, async (client, fd) => {
      expect(await failureOf(() => plainRead(client, fd))).toMatchObject({ code: "EACCES" });
    });
  });

  it("reads at the file's own offset", async () => {
    await expectNoneHot({}, (client, fd) => client.read(fd, Buffer.alloc(8)));
  });

  it("reads far behind the end of the file, where nothing is cached", async () => {
    await expectNoneHot({}, async (client, fd) => {
      expect(await client.read(fd, Buffer.alloc(100), { position: 2n ** 40n })).toBe(0);
    });
  });

  it("long reads, and reads with flags", async () => {
    await expectNoneHot({}, (client, fd) =>
      client.read(fd, Buffer.alloc(64 * KIB + 1), { position: 0 }),
    );
    await expectNoneHot({}, (client, fd) =>
      client.read(fd, Buffer.alloc(8), { position: 0, flags: RWF_NOWAIT }),
    );
  });

  it("reads beside another request", async () => {
    await expectNoneHot({}, (client, fd) => Promise.all([client.nop(), plainRead(client, fd)]));
  });

  it("files that are larger, empty, in /proc, or opened otherwise", async () => {
    const large = dir().file(Buffer.alloc(64 * KIB));
    const empty = dir().file("");
    const small = dir().file("small");
    await expectNoneHot({}, async (client) => {
      expect(await client.readFile(large)).toHaveLength(64 * KIB);
      expect(await client.readFile(empty)).toHaveLength(0);
      expect((await client.readFile("/proc/self/stat")).length).toBeGreaterThan(10);
      expect(await client.readFile(small, { flag: "r+", encoding: "utf8" })).toBe("small");
      expect(await client.readFile(Buffer.from(small))).toHaveLength(5);
    });
  });

  it("reads past the page cache", async (context) => {
    const path = dir().file(Buffer.alloc(BYTES, 7));
    await using engine = await Engine.start();
    const fd = descriptors.openDirect(context, engine, path, constants.O_RDONLY);
    using lease = engine.client.lease(BYTES);
    const hot = await hotAmong(engine, engine.client, async () => {
      expect(await engine.client.read(fd, lease.buffer, { position: 0 })).toBe(BYTES);
    });
    expect(hot).toBe(0);
    expect(lease.buffer.every((byte) => byte === 7)).toBe(true);
  });

  it("reads of a pipe, and what comes later is theirs", async () => {
    await using engine = await Engine.start();
    const fifo = makeFifo(dir().fresh());
    await beCalm(engine.client);
    const view = Buffer.alloc(4);
    const reading = engine.client.read(fifo.fd, view, { position: 0 });
    await setImmediate();
    writeSync(fifo.fd, "late");
    expect(await within(SOON_MS, "the read", reading)).toBe(4);
    expect(view.toString()).toBe("late");
    expect(engine.stats().hotReads).toBe(0);
    fifo.close();
  });

  it("reads of what isn't cached, whole, though a part of it is", async () => {
    const { fd, data } = cachedFile(64 * KIB);
    const { client } = running;
    const view = Buffer.alloc(64 * KIB);
    for (const [from, bytes] of [
      [0, 0],
      [16 * KIB, 8 * KIB],
      [60 * KIB, 0],
    ] as const) {
      await client.fsync(fd); // what is dirty stays cached
      await client.fadvise(fd, from, bytes, POSIX_FADV_DONTNEED);
      await beCalm(client);
      expect(await client.read(fd, view.fill(0), { position: 0 })).toBe(64 * KIB);
      expect(view.equals(data)).toBe(true);
    }
  });
});

describe("nobody can tell", () => {
  const read = (fd: number, options: object = {}) =>
    running.client.read(fd, Buffer.alloc(8), { position: 0, ...options });

  it("by the errors", async () => {
    const folder = descriptors.open(dir().path, constants.O_RDONLY | constants.O_DIRECTORY);
    const writable = descriptors.open(dir().fresh(), "a");
    for (const [fd, code] of [
      [folder, "EISDIR"],
      [writable, "EBADF"],
      [99_999, "EBADF"],
    ] as const) {
      await beCalm(running.client);
      expect(await failureOf(() => read(fd))).toMatchObject({ code, syscall: "read" });
    }
  });

  it("by the errors of readFile", async () => {
    for (const [path, code, syscall] of [
      [dir().fresh(), "ENOENT", "open"],
      [dir().path, "EISDIR", "read"],
      ["", "ENOENT", "open"],
      ["x".repeat(5000), "ENAMETOOLONG", "open"],
      [`${"./".repeat(2000)}${"x".repeat(90)}€€€`, "ENAMETOOLONG", "open"], // too long by a part of a character
    ] as const) {
      await beCalm(running.client);
      const failure = await failureOf(() => running.client.readFile(path));
      expect(failure).toMatchObject({ code, syscall });
    }
  });

  it("by a signal that is aborted", async () => {
    const { fd } = cachedFile(8);
    await beCalm(running.client);
    const signal = AbortSignal.abort();
    expect(await failureOf(() => read(fd, { signal }))).toMatchObject({ name: "AbortError" });
    const controller = new AbortController();
    expect(await read(fd, { signal: controller.signal })).toBe(8);
    controller.abort();
  });

  it("by the order: a close that was posted before is done before", async () => {
    const { client } = running;
    const fd = await client.open(dir().file("bytes"));
    await beCalm(client);
    const closing = client.close(fd);
    const reading = failureOf(() => read(fd));
    await closing;
    expect(await reading).toMatchObject({ code: "EBADF" });
  });

  it("by what else the event loop has: timers come, however long it reads", async ({ skip }) => {
    skip(!readsHotHere, "nothing is read hot here");
    const { fd } = cachedFile(8);
    let over = false;
    setTimeout(() => {
      over = true;
    }, 20);
    const before = running.engine.stats().hotReads;
    const reading = async (): Promise<void> => {
      while (!over) await read(fd);
    };
    await within(SOON_MS, "a loop of reads", reading());
    expect(running.engine.stats().hotReads).toBeGreaterThan(before + CALM);
  });

  it("by diagnostics_channel", async () => {
    const { fd } = cachedFile(8);
    const heard: Partial<RequestEvent>[] = [];
    const listener = (event: unknown) => void heard.push({ ...(event as RequestEvent) }); // ours alone
    await beCalm(running.client);
    subscribe("ringpost:reply", listener);
    try {
      await read(fd);
    } finally {
      unsubscribe("ringpost:reply", listener);
    }
    expect(heard).toMatchObject([{ operation: "read", fd, bytes: 8, result: 8 }]);
  });

  it("by a closed client", async () => {
    const { fd } = cachedFile(8);
    const client = await connect(running.engine.handle());
    await beCalm(client);
    await client.read(fd, Buffer.alloc(8), { position: 0 });
    const closing = client.disconnect();
    const late = await failureOf(() => client.read(fd, Buffer.alloc(8), { position: 0 }));
    expect(late).toMatchObject({ code: "ERR_RINGPOST_CLOSED" });
    await closing;
  });

  it("by a closed engine", async () => {
    const { fd } = cachedFile(8);
    const engine = await Engine.start();
    const client = await connect(engine.handle());
    await beCalm(client);
    await client.read(fd, Buffer.alloc(8), { position: 0 });
    await engine.close();
    const late = await failureOf(() => client.read(fd, Buffer.alloc(8), { position: 0 }));
    expect(late).toMatchObject({ code: "ERR_RINGPOST_CLOSED" });
  });
});
