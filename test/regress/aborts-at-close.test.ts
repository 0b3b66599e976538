/**
 * An engine that was closing looked at no cancellation: an abort took effect only when nothing had moved for all of the grace. And
 * what was posted to it was told of the end only when that had come.
 */
import { closeSync, existsSync, writeSync } from "node:fs";
import { type Client, connect, Engine } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();

/** Longer than all deadlines together: nothing ends by it. */
const GRACE_MS = 10 * SOON_MS;

const soon = <T>(promise: Promise<T>, what: string): Promise<T> => within(SOON_MS, what, promise);

/** Its own client is gone by then, and nobody gets in any more. */
async function untilStopping(engine: Engine): Promise<void> {
  const handle = engine.handle();
  void engine.close({ graceMs: GRACE_MS });
  for (;;) {
    try {
      await (await connect(handle)).disconnect();
    } catch (error) {
      expect(error).toMatchObject({ code: "ERR_RINGPOST_CLOSED" });
      return;
    }
  }
}

it("what is in flight can be aborted and cancelled while the engine closes", async () => {
  const engine = await Engine.start();
  const client = await connect(engine.handle());
  const pipes = await Promise.all(Array.from({ length: 4 }, () => client.pipe()));
  const read = (nth: number, signal?: AbortSignal) =>
    failureOf(() => client.read(pipes[nth]![0], Buffer.alloc(1), signal && { signal }));
  const stop = new AbortController();
  const reads = [read(0, stop.signal), read(1), read(2)];
  const stream = client.pollEvents(pipes[3]![0], 1);
  const events = stream.next();
  await client.nop();
  await untilStopping(engine);

  stop.abort();
  expect((await soon(reads[0]!, "the aborted read")).code).toBe("ABORT_ERR");
  client.cancel(pipes[1]![0]);
  expect((await soon(reads[1]!, "the read whose descriptor was cancelled")).code).toBe("ECANCELED");
  await soon(stream.return(), "the end of the stream");
  expect(await events).toEqual({ done: true, value: undefined });
  client.cancelAll();
  expect((await soon(reads[2]!, "the last read")).code).toBe("ECANCELED");
  await soon(engine.close({ graceMs: GRACE_MS }), "the close");
  for (const fd of pipes.flat()) closeSync(fd);
});

it("what is refused while the engine closes gives its memory back", async () => {
  const engine = await Engine.start();
  const client = await connect(engine.handle());
  const [readFd, writeFd] = await client.pipe();
  const reading = failureOf(() => client.read(readFd, Buffer.alloc(1)));
  await client.readFile("/proc/version");
  await untilStopping(engine);
  const before = process.memoryUsage.rss();
  for (let nth = 0; nth < 1000; nth++) {
    const { code } = await soon(
      failureOf(() => client.readFile("/proc/version")),
      "a refused readFile",
    );
    expect(code).toBe("ERR_RINGPOST_CLOSED");
  }
  // Each of them has 64 KiB lent to it.
  expect((process.memoryUsage.rss() - before) / 2 ** 20).toBeLessThan(30);
  client.cancelAll();
  await soon(reading, "the read");
  await soon(engine.close({ graceMs: GRACE_MS }), "the close");
  for (const fd of [readFd, writeFd]) closeSync(fd);
});

const calls: Readonly<Record<string, (client: Client, path: string) => Promise<unknown>>> = {
  nop: (client) => client.nop(),
  "open with a deadline": (client, path) => client.open(path, "w", 0o600, { timeoutMs: GRACE_MS }),
  write: (client) => client.write(1, Buffer.from("never written")),
  readFile: (client) => client.readFile("/proc/version"),
  writeFile: (client, path) => client.writeFile(path, "x"),
  "a large writeFile": (client, path) => client.writeFile(path, Buffer.alloc(5_000_000)),
  pipe: (client) => client.pipe(),
  pollEvents: (client) => client.pollEvents(0, 1).next(),
  "a chain": (client, path) => client.chain().nop().open(path, "w").hardLink().nop().run(),
  "a chain that drains": (client) => client.chain({ drain: true }).nop().run(),
};

it("what is posted while the engine closes is told that it is closed", async () => {
  const engine = await Engine.start();
  const client = await connect(engine.handle(), { credits: 4 });
  const [readFd, writeFd] = await client.pipe();
  const reading = client.read(readFd, Buffer.alloc(4));
  await client.nop();
  await untilStopping(engine);
  // The engine may take it in the round in which it learns of its end.
  await soon(Promise.allSettled([client.nop()]), "what is posted at that moment");

  const path = dir().fresh();
  for (const [name, call] of Object.entries(calls)) {
    const failures = Array.from({ length: 6 }, () => failureOf(() => call(client, path)));
    for (const failure of await soon(Promise.all(failures), name)) {
      expect(failure.code, name).toBe("ERR_RINGPOST_CLOSED");
      expect(failure.message, name).toMatch(/^The ringpost engine is closed/);
    }
  }
  expect(existsSync(path)).toBe(false);

  // What was in flight before is read to its end.
  writeSync(writeFd, "text");
  expect(await soon(reading, "the read")).toBe(4);
  await soon(engine.close({ graceMs: GRACE_MS }), "the close");
  for (const fd of [readFd, writeFd]) closeSync(fd);
});
