/** The channels of node:diagnostics_channel: what subscribers hear, and that they can't harm. */

import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import fs from "node:fs";
import { opened, type RequestEvent } from "ringpost";
import { afterEach, describe, expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

type Listener = (event: RequestEvent) => void;

const dir = useTempDir();

const subscribed: (() => void)[] = [];
afterEach(() => {
  for (const end of subscribed.splice(0)) end();
});

function listen(name: "ringpost:request" | "ringpost:reply", listener: Listener): void {
  const onMessage = (message: unknown): void => listener(message as RequestEvent); // ours alone
  subscribe(name, onMessage);
  subscribed.push(() => unsubscribe(name, onMessage));
}

/** Copies of what is heard from now on. */
function record(): { requests: RequestEvent[]; replies: RequestEvent[] } {
  const requests: RequestEvent[] = [];
  const replies: RequestEvent[] = [];
  listen("ringpost:request", (event) => requests.push({ ...event }));
  listen("ringpost:reply", (event) => replies.push({ ...event }));
  return { requests, replies };
}

describe("diagnostics", () => {
  const running = useEngine();
  const here = new URL(import.meta.url).pathname;

  it("tell of a request when it is posted, and of its reply when it is settled", async () => {
    const { requests, replies } = record();
    const opening = running.client.open(here);
    expect(requests).toMatchObject([
      { client: 0, operation: "open", path: here, fd: undefined, result: undefined },
    ]);
    expect(requests[0]!.durationNs).toBeNaN();
    expect(replies).toEqual([]);
    const fd = await opening;
    expect(replies).toMatchObject([{ ...requests[0], result: fd, durationNs: expect.any(Number) }]);
    expect(replies[0]!.durationNs).toBeGreaterThan(0);
    const bytes = await running.client.read(fd, Buffer.alloc(100), { position: 0 });
    await running.client.readv(fd, [Buffer.alloc(10), Buffer.alloc(20)], { position: 0 });
    await running.client.close(fd);
    expect(bytes).toBe(100);
    expect(replies.slice(1)).toMatchObject([
      { operation: "read", fd, bytes: 100, result: 100, error: undefined },
      { operation: "readv", fd, bytes: 30, result: 30 },
      { operation: "close", fd, bytes: undefined, result: undefined },
    ]);
    expect(new Set(replies.map(({ id }) => id)).size).toBe(4);
  });

  it("tell of the end of a whole-file read when all of it is there, however long", async () => {
    const { replies } = record();
    for (const bytes of [10, 65_535, 65_536, 1_000_000]) {
      const path = dir().file(Buffer.alloc(bytes, "x"));
      const file = await running.client.readFile(path);
      const event = replies.at(-1)!;
      expect(event).toMatchObject({ operation: "readFile", path, error: undefined });
      expect((event.result as Buffer).equals(file)).toBe(true);
      const steps = replies.splice(0).slice(0, -1);
      expect(steps.length > 0).toBe(bytes >= 65_536);
      for (const { durationNs } of steps) expect(event.durationNs).toBeGreaterThan(durationNs);
    }
  });

  it("tell of a whole-file read that fails on its way", async () => {
    const { replies } = record();
    const path = dir().file("");
    fs.truncateSync(path, 2 ** 31);
    const failure = await failureOf(() => running.client.readFile(path));
    expect(failure.code).toBe("ERR_FS_FILE_TOO_LARGE");
    expect(replies.filter(({ operation }) => operation === "readFile")).toMatchObject([
      { result: undefined, error: { code: failure.code }, durationNs: expect.any(Number) },
    ]);
  });

  it("tell of each step of a chain when it is posted", async () => {
    const { requests, replies } = record();
    const chain = running.client.chain().open(here).read(opened, Buffer.alloc(10));
    expect(requests).toEqual([]);
    await chain.run();
    expect(replies).toMatchObject([
      { operation: "open", path: here, result: undefined, error: undefined },
      { operation: "read", bytes: 10, result: 10 },
    ]);
    expect(requests).toHaveLength(2);
  });

  it("tell of a stream of events once, and of its end", async () => {
    const { requests, replies } = record();
    const fd = fs.openSync(here, "r");
    const stream = running.client.pollEvents(fd, 1);
    expect(requests).toEqual([]);
    for (let nth = 0; nth < 3; nth++) expect(await stream.next()).toMatchObject({ value: 1 });
    expect(requests).toMatchObject([{ operation: "pollEvents", fd, bytes: undefined }]);
    expect(replies).toEqual([]);
    await stream.return();
    expect(replies).toMatchObject([{ id: requests[0]!.id, error: { code: "ECANCELED" } }]);
    fs.closeSync(fd);
  });

  it("are one object for a request and its reply", async () => {
    const posted: RequestEvent[] = [];
    const settled: RequestEvent[] = [];
    listen("ringpost:request", (event) => posted.push(event));
    listen("ringpost:reply", (event) => settled.push(event));
    await Promise.all(Array.from({ length: 20 }, () => running.client.nop()));
    expect(settled).toHaveLength(20);
    expect(settled.every((event, nth) => event === posted[nth])).toBe(true);
  });

  it("are told of in the context of the call, whoever's reply comes at the same time", async () => {
    const context = new AsyncLocalStorage<number>();
    const stores: (number | undefined)[] = [];
    listen("ringpost:reply", () => stores.push(context.getStore()));
    const { client } = running;
    const calls = Array.from({ length: 40 }, (_, nth) =>
      context.run(nth, () => client.stat(nth % 2 === 0 ? "/" : "/no/such/file")),
    );
    await Promise.allSettled(calls);
    expect(stores.sort((one, other) => one! - other!)).toEqual([...calls.keys()]);
    stores.length = 0;
    const large = dir().file(Buffer.alloc(300_000)); // in several requests
    await context.run(1, () => client.readFile(large));
    await context.run(1, () => client.chain().nop().nop().run());
    expect(stores.length).toBeGreaterThan(4);
    expect(new Set(stores)).toEqual(new Set([1]));
  });

  it("do no harm to what is told of, whatever becomes of the message", async () => {
    const { client } = running;
    const thrown: unknown[] = [];
    const taken = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", (e) => thrown.push(e));
    listen("ringpost:request", Object.freeze);
    expect(await failureOf(() => client.stat("/no/such/file"))).toMatchObject({ code: "ENOENT" });
    expect((await client.stat("/")).isDirectory()).toBe(true);
    await client.nop();
    await expect.poll(() => thrown.length).toBe(3);
    process.removeAllListeners("uncaughtException");
    for (const listener of taken) process.on("uncaughtException", listener);
  });

  it("tell of failures, of the kernel's and of those before it", async () => {
    const { replies } = record();
    const missing = await failureOf(() => running.client.open("/no/such/file"));
    const aborted = await failureOf(() => running.client.nop({ signal: AbortSignal.abort() }));
    expect(replies).toMatchObject([
      { operation: "open", path: "/no/such/file", result: undefined },
      { operation: "nop", result: undefined },
    ]);
    expect(replies.map(({ error }) => error?.message)).toEqual([missing.message, aborted.message]);
  });

  it("tell whether one channel is listened to or both", async () => {
    const replies: string[] = [];
    listen("ringpost:reply", ({ operation }) => replies.push(operation));
    await running.client.nop();
    expect(replies).toEqual(["nop"]);
  });

  it("tell nobody of a request that was posted before", async () => {
    const nop = running.client.nop();
    const { replies } = record();
    await nop;
    expect(replies).toEqual([]);
  });

  it("go on telling of a request whose subscriber has left", async () => {
    record();
    const nop = running.client.nop();
    for (const end of subscribed.splice(0)) end();
    expect(await nop).toBeUndefined();
  });

  it("let no subscriber that throws break a request", async () => {
    const uncaught = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    const thrown: string[] = [];
    process.on("uncaughtException", (error) => thrown.push(error.message));
    try {
      for (const name of ["ringpost:request", "ringpost:reply"] as const) {
        listen(name, () => {
          throw new Error(name);
        });
      }
      expect(await running.client.nop()).toBeUndefined();
      expect((await failureOf(() => running.client.open("/no/such/file"))).code).toBe("ENOENT");
      await expect.poll(() => thrown).toHaveLength(4);
      expect(new Set(thrown)).toEqual(new Set(["ringpost:request", "ringpost:reply"]));
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of uncaught) process.on("uncaughtException", listener);
    }
  });
});
