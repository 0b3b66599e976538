/** After the end of a client or of its engine: a clear error from everything, and never a hang. */
import fs from "node:fs";
import { type Client, connect, Engine } from "ringpost";
import { describe, expect, it } from "vitest";
import { connectSoon } from "../support/connecting.js";
import { SOON_MS, within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";
import { patternBytes } from "../support/fenced-views.js";
import { makeFifo } from "../support/fifos.js";
import { countDescriptors, listDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const view = Buffer.alloc(4);
const word = new Int32Array(new SharedArrayBuffer(4));

const calls: Readonly<Record<string, (client: Client) => Promise<unknown>>> = {
  nop: (client) => client.nop(),
  open: (client) => client.open("/"),
  close: (client) => client.close(0x7fff_ffff),
  read: (client) => client.read(0, view, 0),
  write: (client) => client.write(1, view, 0),
  readv: (client) => client.readv(0, [view], 0),
  writev: (client) => client.writev(1, [view], 0),
  fsync: (client) => client.fsync(0),
  fdatasync: (client) => client.fdatasync(0),
  stat: (client) => client.stat("/"),
  "stat of a descriptor": (client) => client.stat(0),
  lstat: (client) => client.lstat("/"),
  readFile: (client) => client.readFile("/proc/version"),
  writeFile: (client) => client.writeFile("/dev/null", "x"),
  truncate: (client) => client.truncate("/dev/null", 0),
  madvise: (client) => client.madvise(view, 0),
  pipe: (client) => client.pipe(),
  timeout: (client) => client.timeout(1),
  waitid: (client) => client.waitid("all", 0),
  futexWait: (client) => client.futexWait(word, 0, 0),
  futexWake: (client) => client.futexWake(word, 0),
  lease: async (client) => client.lease(4096),
};

async function expectAllRefused(client: Client): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    const failure = await within(
      SOON_MS,
      name,
      failureOf(() => call(client)),
    );
    expect(failure).toMatchObject({
      class: "Error",
      code: "ERR_RINGPOST_CLOSED",
      message: expect.stringMatching(/^The ringpost (client|engine) is closed$/),
    });
  }
  await within(SOON_MS, "drain", client.drain());
  client.submit();
  await within(SOON_MS, "disconnect", client.disconnect());
  await within(SOON_MS, "close", client.close());
}

describe("a closed client", () => {
  it("refuses everything, and its engine goes on", async () => {
    const engine = await Engine.start();
    const client = await connect(engine.handle());
    await client.nop();
    await client.disconnect();
    await expectAllRefused(client);
    await engine.client.nop();
    await engine.close();
  });

  it("refuses from the moment on at which it is told to close, and finishes what it has", async () => {
    const engine = await Engine.start();
    const client = await connect(engine.handle());
    const before = Array.from({ length: 1000 }, () => client.nop());
    const closed = client.disconnect();
    const after = failureOf(() => client.nop());
    await within(SOON_MS, "nops", Promise.all(before));
    expect(await after).toMatchObject({ code: "ERR_RINGPOST_CLOSED" });
    await within(SOON_MS, "disconnect", closed);
    await engine.close();
  });

  it("finishes whole files that take several steps, and leaves none open", async () => {
    const engine = await Engine.start({ credits: 64 });
    const client = await connect(engine.handle());
    const path = dir().file(patternBytes(300_000));
    const reads = Array.from({ length: 200 }, () => client.readFile(path));
    await reads[0];
    const closed = client.disconnect();
    for (const read of await within(SOON_MS, "readFile", Promise.all(reads))) {
      expect(read.equals(patternBytes(300_000))).toBe(true);
    }
    await within(SOON_MS, "disconnect", closed);
    expect(countDescriptors(dir().path)).toBe(0);
    await engine.close();
  });

  it.each(["client", "engine"] as const)(
    "lets what it cuts off close its files, where the %s is closed",
    async (which) => {
      const engine = await Engine.start();
      const { client } = engine;
      const fifo = makeFifo(dir().fresh());
      const path = dir().file("x");
      const isOpen = (target: string): boolean => target === path;
      const jobs = Array.from({ length: 20 }, async () => {
        const fd = await client.open(path);
        try {
          await client.read(fifo.fd, view); // that nobody writes to
        } finally {
          await client.close(fd);
        }
      });
      const ended = Promise.allSettled(jobs);
      await expect.poll(() => listDescriptors().filter(isOpen)).toHaveLength(jobs.length);
      const graceMs = 20;
      await (which === "client" ? client.disconnect({ graceMs }) : engine.close({ graceMs }));
      for (const job of await ended) expect(job).toMatchObject({ reason: { code: "ECANCELED" } });
      expect(listDescriptors().filter(isOpen)).toEqual([]);
      fifo.close();
      await engine.close();
    },
  );

  it("lets what it cuts off close several files each, however few may wait", async () => {
    const engine = await Engine.start({ credits: 4, queueLimit: 8 });
    const { client } = engine;
    const fifo = makeFifo(dir().fresh());
    const path = dir().file("x");
    const closed = Array.from({ length: 12 }, async () => {
      const files = [fs.openSync(path, "r"), fs.openSync(path, "r")];
      await client.read(fifo.fd, view).catch(() => undefined);
      return Promise.all(files.map((fd) => client.close(fd)));
    });
    await client.disconnect({ graceMs: 5 });
    await Promise.all(closed);
    expect(listDescriptors()).not.toContain(path);
    fifo.close();
    await engine.close();
  });

  it("closes in the end, whoever closes something again and again meanwhile", async () => {
    const engine = await Engine.start();
    const { client } = engine;
    const closing = async (): Promise<unknown> => {
      for (;;) {
        const { code } = await failureOf(() => client.close(0x7fff_ffff));
        if (code !== "EBADF") return code;
      }
    };
    const job = closing();
    await within(SOON_MS, "disconnect", client.disconnect());
    expect(await job).toBe("ERR_RINGPOST_CLOSED");
    await engine.close();
  });

  it("closes once, however often it is told", async () => {
    const engine = await Engine.start();
    const client = await connect(engine.handle());
    const closing = client.disconnect();
    expect(client.disconnect()).toBe(closing);
    await Promise.all([closing, client.close(), client[Symbol.asyncDispose]()]);
    await client.disconnect();
    await expect.poll(() => engine.stats().clientsDrained).toBe(1);
    await engine.close();
  });

  it("gives its seat to the next one, which has nothing of it", async () => {
    const engine = await Engine.start({ maxClients: 2, credits: 4 });
    for (let nth = 0; nth < 50; nth++) {
      const client = await connectSoon(engine);
      const reads = Array.from({ length: 10 }, () => client.readFile("/proc/version", "utf8"));
      expect(new Set(await Promise.all(reads)).size).toBe(1);
      await client.disconnect();
    }
    await engine.close();
    expect(engine.stats().clientsOpened).toBe(51);
  });

  it("is the client of `await using` after its block", async () => {
    const engine = await Engine.start();
    let kept: Client;
    {
      await using client = await connect(engine.handle());
      await client.nop();
      kept = client;
    }
    await expectAllRefused(kept);
    await engine.close();
  });
});

describe("a closed engine", () => {
  it("closes its clients, which refuse everything", async () => {
    const engine = await Engine.start();
    const client = await connect(engine.handle());
    await client.nop();
    await engine.close();
    await expectAllRefused(engine.client);
    await expectAllRefused(client);
  });

  it("can't be connected to", async () => {
    const engine = await Engine.start();
    const handle = engine.handle();
    await engine.close();
    expect(await failureOf(() => connect(handle))).toMatchObject({ code: "ERR_RINGPOST_CLOSED" });
    expect(() => engine.handle()).toThrow(expect.objectContaining({ code: "ERR_RINGPOST_CLOSED" }));
  });

  it.each([0, 1, 5, 20])(
    "settles what its clients have begun %d ms ago, and leaves no file open",
    async (ms) => {
      const engine = await Engine.start({ credits: 64 });
      const clients = [
        engine.client,
        await connect(engine.handle()),
        await connect(engine.handle()),
      ];
      const path = dir().file(patternBytes(300_000));
      const copies = dir().fresh();
      const pending = clients.flatMap((client) =>
        Array.from({ length: 100 }, (_, nth) => [
          client.readFile(path),
          client.writeFile(`${copies}-${nth}`, patternBytes(10_000)),
        ]).flat(),
      );
      const settled = Promise.allSettled(pending);
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
      await within(SOON_MS, "close", engine.close());
      for (const result of await within(SOON_MS, "what was begun", settled)) {
        const code =
          result.status === "fulfilled" ? "done" : (result.reason as { code?: string }).code;
        expect(["done", "ERR_RINGPOST_CLOSED", "ECANCELED"]).toContain(code);
      }
      expect(countDescriptors(dir().path)).toBe(0);
    },
  );

  it("still has its counts", async () => {
    const engine = await Engine.start();
    await engine.client.nop();
    await engine.close();
    expect(engine.stats().clients[0]).toMatchObject({ posted: 1, settled: 1 });
  });

  it("closes once, however often it is told", async () => {
    const engine = await Engine.start();
    const closing = engine.close();
    expect(engine.close()).toBe(closing);
    await Promise.all([closing, engine[Symbol.asyncDispose]()]);
    await engine.close({ graceMs: 5 });
  });

  it("is the engine of `await using` after its block", async () => {
    let kept: Engine;
    {
      await using engine = await Engine.start();
      await engine.client.nop();
      kept = engine;
    }
    await expectAllRefused(kept.client);
  });

  it("leaves no descriptor behind", async () => {
    const descriptors = () =>
      listDescriptors()
        .filter((target) => target.startsWith("anon_inode:"))
        .sort();
    await (await Engine.start()).close();
    const before = descriptors();
    for (let nth = 0; nth < 5; nth++) {
      const engine = await Engine.start();
      await (await connect(engine.handle())).nop();
      await engine.close();
    }
    // Node closes those of a thread that has ended by and by.
    await expect.poll(descriptors, { timeout: SOON_MS }).toEqual(before);
  });
});

describe("closing again with a shorter grace", () => {
  const LONG_MS = 100_000_000;

  it.each([
    ["a client", (engine: Engine) => engine.client.disconnect({ graceMs: LONG_MS })],
    ["an engine", (engine: Engine) => engine.close({ graceMs: LONG_MS })],
  ])("cuts the first one's short: %s", async (_, close) => {
    const engine = await Engine.start({ maxClients: 1 });
    const fifo = makeFifo(dir().fresh());
    const read = failureOf(() => engine.client.read(fifo.fd, view));
    await engine.client.nop();
    const first = close(engine);
    await within(SOON_MS, "close", engine.close({ graceMs: 0 }));
    await within(SOON_MS, "the first close", first);
    expect((await read).code).toBe("ECANCELED");
    fifo.close();
  });
});
