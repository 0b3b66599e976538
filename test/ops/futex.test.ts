/** futexWait and futexWake: words of shared memory, waited on across threads. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type Client, connect } from "ringpost";
import { expect, it, type TestContext } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { needs } from "../support/kernel-operations.js";

const words = (count = 4): Int32Array => new Int32Array(new SharedArrayBuffer(count * 4));

describeOnEngineSetups((running) => {
  const ours = (): Client => running.client;
  const needsFutex = (context: TestContext): void => needs(context, running.engine, "futexWait");

  it("waits until it is woken, one by one", async (context) => {
    needsFutex(context);
    const array = words();
    array[2] = -5;
    const other = await connect(running.engine.handle());
    let woken = 0;
    const waits = Array.from({ length: 2 }, () =>
      ours()
        .futexWait(array, 2, -5)
        .then((how) => {
          woken++;
          return how;
        }),
    );
    ours().submit();
    // They are in the kernel when as many have been woken.
    while ((await other.futexWake(array, 2, 1)) === 0);
    await expect.poll(() => woken).toBe(1);
    while ((await other.futexWake(array, 2)) === 0);
    expect(await within(SOON_MS, "futexWait", Promise.all(waits))).toEqual(["ok", "ok"]);
    expect(await other.futexWake(array, 2)).toBe(0);
    await other.close();
  });

  it("doesn't wait where the word holds something else", async (context) => {
    needsFutex(context);
    const array = words();
    array[1] = 7;
    expect(await ours().futexWait(array, 1, 8)).toBe("not-equal");
    expect(await ours().chain().futexWait(array, 1, 8).futexWake(array, 1).run()).toEqual([
      "not-equal",
      0,
    ]);
  });

  it("is woken by another thread's client", async (context) => {
    needsFutex(context);
    const array = words();
    const wait = ours().futexWait(array, 0, 0);
    const worker = new Worker(
      `import { connect } from ${JSON.stringify(import.meta.resolve("ringpost"))};
      import { workerData } from "node:worker_threads";
      const client = await connect(workerData.handle);
      Atomics.store(workerData.array, 0, 1);
      await client.futexWake(workerData.array, 0);
      await client.close();`,
      { eval: true, workerData: { handle: running.engine.handle(), array } },
    );
    const ended = once(worker, "exit"); // perhaps in the very turn of the event loop that brings the reply
    expect(await within(SOON_MS, "futexWait", wait)).toBeOneOf(["ok", "not-equal"]);
    await within(SOON_MS, "the worker's end", ended);
    expect(array[0]).toBe(1);
  });

  it("works in a lease", async (context) => {
    needsFutex(context);
    using lease = ours().lease(4096);
    const array = new Int32Array(lease.buffer.buffer, lease.buffer.byteOffset, 1024).fill(3);
    const wait = ours().futexWait(array, 1023, 3);
    const other = await connect(running.engine.handle());
    while ((await other.futexWake(array, 1023)) === 0);
    expect(await within(SOON_MS, "futexWait", wait)).toBe("ok");
    await other.close();
  });

  it("is not for Atomics.wait, which has a list of its own", async (context) => {
    needsFutex(context);
    const array = words();
    const wait = ours().futexWait(array, 0, 0, { timeoutMs: 50 });
    ours().submit();
    await ours().timeout(5);
    expect(Atomics.notify(array, 0)).toBe(0);
    expect((await failureOf(() => wait)).code).toBe("ETIMEDOUT");
  });

  it("refuses what is no word of shared memory", async () => {
    const array = words();
    const wrong: readonly (readonly [unknown, unknown, unknown, string])[] = [
      [new Int32Array(4), 0, 0, "ERR_INVALID_ARG_VALUE"],
      [new Uint32Array(array.buffer), 0, 0, "ERR_INVALID_ARG_TYPE"],
      [undefined, 0, 0, "ERR_INVALID_ARG_TYPE"],
      [array, 4, 0, "ERR_OUT_OF_RANGE"],
      [array, -1, 0, "ERR_OUT_OF_RANGE"],
      [array, "0", 0, "ERR_INVALID_ARG_TYPE"],
      [array, 0, 2 ** 31, "ERR_OUT_OF_RANGE"],
      [array, 0, 0.5, "ERR_OUT_OF_RANGE"],
    ];
    for (const [given, index, value, code] of wrong) {
      const wait = failureOf(() =>
        ours().futexWait(given as never, index as never, value as never),
      );
      expect((await wait).code).toBe(code);
      const wake = failureOf(() =>
        ours().futexWake(given as never, index as never, value as never),
      );
      expect((await wake).code).toBe(code);
    }
    expect((await failureOf(() => ours().futexWake(array, 0, -1))).code).toBe("ERR_OUT_OF_RANGE");
  });
});
