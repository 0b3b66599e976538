/** What waits for a time, a word, a child: it ends with its signal, its time, its client and its engine. */
import { spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { type Client, connect, Engine, type RequestOptions } from "ringpost";
import { afterAll, describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { needs } from "../support/kernel-operations.js";

const word = new Int32Array(new SharedArrayBuffer(4));
const child = spawn("sleep", ["1000"], { stdio: "ignore" });
afterAll(() => {
  child.kill("SIGKILL");
});

const waits = {
  timeout: (client: Client, options?: RequestOptions) => client.timeout(1e9, options),
  futexWait: (client: Client, options?: RequestOptions) => client.futexWait(word, 0, 0, options),
  waitid: (client: Client, options?: RequestOptions) =>
    client.waitid("pid", child.pid!, { ...options, states: ["stopped"] }),
} as const;

type Waiting = keyof typeof waits;

describeOnEngineSetups((running) => {
  describe.each(Object.keys(waits) as Waiting[])("%s", (name) => {
    const wait = waits[name];
    const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
      (
        await within(
          SOON_MS,
          name,
          failureOf(() => promise),
        )
      ).code;

    it("ends with its signal and its time", async (context) => {
      needs(context, running.engine, name);
      const stop = new AbortController();
      const aborted = codeOf(wait(running.client, { signal: stop.signal }));
      await setTimeout(2);
      stop.abort();
      expect(await aborted).toBe("ABORT_ERR");
      expect(await codeOf(wait(running.client, { signal: AbortSignal.timeout(5) }))).toBe(
        "ABORT_ERR",
      );
      expect(await codeOf(wait(running.client, { timeoutMs: 5 }))).toBe("ETIMEDOUT");
    });

    it("ends with cancelAll, many at once", async (context) => {
      needs(context, running.engine, name);
      const codes = Array.from({ length: 300 }, () => codeOf(wait(running.client)));
      await setTimeout(5);
      running.client.cancelAll();
      expect(new Set(await Promise.all(codes))).toEqual(new Set(["ECANCELED"]));
    });

    it("isn't taken for the user of a descriptor", async (context) => {
      needs(context, running.engine, name);
      const code = codeOf(wait(running.client, { timeoutMs: 30 }));
      // What io_uring has in a descriptor's place: nothing, flags, a number of a process.
      for (const fd of [0, 0x82, child.pid!]) running.client.cancel(fd);
      expect(await code).toBe("ETIMEDOUT");
    });

    it("ends with its client", async (context) => {
      needs(context, running.engine, name);
      const client = await connect(running.engine.handle());
      const codes = [wait(client), wait(client), wait(client)].map(codeOf);
      await client.disconnect({ graceMs: 5 });
      expect(await Promise.all(codes)).toEqual(["ECANCELED", "ECANCELED", "ECANCELED"]);
    });

    it("ends with the engine", async (context) => {
      needs(context, running.engine, name);
      const engine = await Engine.start(running.options);
      const other = await connect(engine.handle());
      const codes = [wait(engine.client), wait(other)].map(codeOf);
      await within(SOON_MS, "close", engine.close({ graceMs: 5 }));
      for (const code of await Promise.all(codes)) {
        expect(code).toBeOneOf(["ECANCELED", "ERR_RINGPOST_CLOSED"]);
      }
    });

    it("ends in a chain, and breaks it", async (context) => {
      needs(context, running.engine, name);
      const stop = new AbortController();
      const chain = running.client.chain({ signal: stop.signal });
      const steps = {
        timeout: () => chain.timeout(1e9),
        futexWait: () => chain.futexWait(word, 0, 0),
        waitid: () => chain.waitid("pid", child.pid!, { states: ["stopped"] }),
      };
      const outcome = steps[name]().nop().settle();
      await setTimeout(2);
      stop.abort();
      const { results } = await within(SOON_MS, "chain", outcome);
      for (const result of results) {
        expect((result as PromiseRejectedResult).reason.code).toBe("ABORT_ERR");
      }
    });
  });
});
