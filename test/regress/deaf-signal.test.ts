/** A signal that couldn't be listened to: its request failed, and ran all the same when it had waited; its lease was never lent again. */
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { type Client, Engine } from "ringpost";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";

const POLLIN = 1;
const CREDITS = 4;

/** Throws when it is listened to. */
const deaf = (): { signal: AbortSignal } => {
  const { signal } = new AbortController();
  signal.addEventListener = () => {
    throw new Error("deaf");
  };
  return { signal };
};

let engine: Engine;
let client: Client;
let fd: number;

beforeEach(async () => {
  engine = await Engine.start({ credits: CREDITS });
  client = engine.client;
  fd = fs.openSync(fileURLToPath(import.meta.url), "r");
  await client.nop();
});
afterEach(async () => {
  fs.closeSync(fd);
  await within(SOON_MS, "close()", engine.close());
});

const posted = (): number => engine.stats().clients[0]!.posted;
const soon = <T>(promise: Promise<T>): Promise<T> => within(SOON_MS, "it", promise);

describe("a signal", () => {
  const never = (): void => undefined;
  it.each([
    { aborted: false },
    { aborted: true },
    { aborted: false, addEventListener: never },
    { aborted: false, removeEventListener: never, addEventListener: true },
  ])("%o, which can't be listened to, is refused", async (wrong) => {
    const signal = wrong as unknown as AbortSignal;
    const refused = { class: "TypeError", code: "ERR_INVALID_ARG_TYPE" };
    const before = posted();
    for (const call of [
      () => client.nop({ signal }),
      () => client.readFile("/proc/version", { signal }),
      () => client.mkdir("/", { recursive: true, signal }),
      () => client.chain({ signal }).nop().run(),
      async () => client.pollEvents(fd, POLLIN, { signal }),
    ]) {
      expect(await failureOf(call)).toMatchObject(refused);
    }
    expect(posted()).toBe(before);
  });
});

/** With all credits taken, what is posted waits. */
describe.each([
  ["there is room", 0],
  ["it has to wait", CREDITS],
])("where a signal throws, and %s,", (_, before) => {
  let paused: Promise<void>[];
  beforeEach(() => {
    paused = Array.from({ length: before }, () => client.timeout(20));
  });
  afterEach(async () => {
    await soon(Promise.all(paused));
  });

  it("its request rejects, and doesn't run", async () => {
    const view = Buffer.alloc(4);
    await expect(soon(client.read(fd, view, { position: 0, ...deaf() }))).rejects.toThrow("deaf");
    await expect(soon(client.readFile("/proc/version", deaf()))).rejects.toThrow("deaf");
    await soon(client.nop());
    expect(view).toEqual(Buffer.alloc(4));
    expect(posted()).toBe(before + 2); // and the first nop
    await soon(client.drain());
  });

  it("its lease is lent again", async () => {
    const lease = client.lease(4096);
    const { buffer, byteOffset } = lease.buffer;
    await expect(soon(client.read(fd, lease.buffer, deaf()))).rejects.toThrow("deaf");
    lease[Symbol.dispose]();
    const again = client.lease(4096).buffer;
    expect([again.buffer === buffer, again.byteOffset]).toEqual([true, byteOffset]);
  });

  it("none of its chain runs", async () => {
    const [view, other] = [Buffer.alloc(4), new AbortController()];
    const chain = client
      .chain({ signal: other.signal })
      .read(fd, view, { position: 0 })
      .hardLink()
      .read(fd, view, { position: 0, ...deaf() });
    const { results, brokenAt } = await soon(chain.settle());
    expect(brokenAt).toBe(1);
    expect(results).toMatchObject([
      { reason: { code: "ECANCELED" } },
      { reason: { message: "deaf" } },
    ]);
    await soon(client.nop());
    expect(view).toEqual(Buffer.alloc(4));
    other.abort();
  });

  it("its stream ends", async () => {
    const stream = client.pollEvents(fd, POLLIN, deaf());
    await expect(soon(stream.next())).rejects.toThrow("deaf");
    expect(await soon(stream.return())).toEqual({ done: true, value: undefined });
    expect(await soon(stream.next())).toEqual({ done: true, value: undefined });
  });

  it("the next request is listened for", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const listen = signal.addEventListener;
    signal.addEventListener = () => {
      signal.addEventListener = listen;
      throw new Error("deaf");
    };
    await expect(soon(client.nop({ signal }))).rejects.toThrow("deaf");
    const pause = client.timeout(60_000, { signal });
    controller.abort();
    expect((await failureOf(() => soon(pause))).code).toBe("ABORT_ERR");
  });
});
