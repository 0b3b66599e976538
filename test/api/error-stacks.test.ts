/** An error that comes with a reply says where in the program somebody awaited it, as with node:fs/promises, and nothing of the library. */
import { channel } from "node:diagnostics_channel";
import type { Client } from "ringpost";
import { describe, expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";

const MISSING = "/no/such/file";
const NO_FD = 2 ** 30;
const view = Buffer.alloc(8);
/** vitest leaves the word out. */
const AWAITED = /\n *at (async )?whoAwaits /;

const running = useEngine();

/** Names the frame that is looked for. */
async function whoAwaits(fail: (client: Client) => Promise<unknown>): Promise<void> {
  await fail(running.client);
}

async function stackOf(fail: (client: Client) => Promise<unknown>): Promise<string> {
  const error = await whoAwaits(fail).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Error);
  return (error as Error).stack!;
}

const failures: Readonly<Record<string, (client: Client) => Promise<unknown>>> = {
  read: (client) => client.read(NO_FD, view),
  stat: (client) => client.stat(MISSING),
  readFile: (client) => client.readFile(MISSING),
  "readFile of text": (client) => client.readFile(MISSING, "utf8"),
  "one of several": (client) => Promise.all([client.nop(), client.stat(MISSING)]),
  "a chain": (client) => client.chain().nop().stat(MISSING).run(),
  "what takes too long": (client) => client.timeout(60_000, { timeoutMs: 5 }),
  "what waits for a credit": (client) => {
    const all = Array.from({ length: 300 }, () => client.timeout(60_000).catch(() => undefined));
    const waiting = client.nop({ timeoutMs: 5 });
    return waiting.finally(() => {
      client.cancelAll();
      return Promise.all(all);
    });
  },
  "what is aborted": (client) => client.timeout(60_000, { signal: AbortSignal.timeout(5) }),
  "a stream": (client) => client.pollEvents(NO_FD, 1).next(),
};

describe("the stack of an error tells who awaits", () => {
  it.each(Object.entries(failures))("%s", async (_, fail) => {
    const stack = await stackOf(fail);
    expect(stack).toMatch(/^(Error: E\w+: .+|AbortError: .+)\n/);
    expect(stack).toMatch(AWAITED);
    expect(stack).not.toContain("/packages/");
  });

  it("while somebody listens to the channels", async () => {
    const ignore = (): void => undefined;
    channel("ringpost:reply").subscribe(ignore);
    try {
      expect(await stackOf((client) => client.stat(MISSING))).toMatch(AWAITED);
    } finally {
      channel("ringpost:reply").unsubscribe(ignore);
    }
  });

  it("with as many frames as the program wants, whatever failed before", async () => {
    const { stackTraceLimit } = Error;
    await stackOf((client) => client.stat(MISSING));
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
    Error.stackTraceLimit = 0;
    try {
      const stack = await stackOf((client) => client.stat(MISSING));
      expect(stack).toBe(`Error: ENOENT: no such file or directory, stat '${MISSING}'`);
      expect(Error.stackTraceLimit).toBe(0);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  });

  it("and the steps of a chain, which nobody awaits, have none", async () => {
    const { results } = await running.client.chain().nop().stat(MISSING).settle();
    const [, failed] = results;
    expect(failed).toMatchObject({ status: "rejected", reason: { code: "ENOENT" } });
    expect((failed as PromiseRejectedResult).reason.stack).not.toContain(" at ");
  });
});
