// What a task gets from workerClient, in the workers of either pool.
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { Piscina } from "piscina";
import { connect } from "ringpost";
import { workerClient } from "ringpost/piscina";
import { Tinypool } from "tinypool";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";
import { BLOCKS, fixture, makeBlocks, pools, untilAtRest, useEngines } from "./pools.js";

const made = useEngines();
const dir = useTempDir();

const NO_ENGINE =
  "workerClient() is for tasks of `new Piscina(withEngine(engine, options))`; this thread";

describe.each(pools)("in a task of $name, workerClient()", ({ make }) => {
  it("is a client of the engine, in modules and in CommonJS", async () => {
    const engine = await made.engine();
    const path = dir().file("a text");
    for (const name of ["tasks.mjs", "tasks.cjs"]) {
      const pool = made.keep(make(engine, { filename: fixture(name), maxThreads: 2 }));
      const texts = Array.from({ length: 20 }, () => pool.run(path));
      expect(new Set(await within(SOON_MS, name, Promise.all(texts)))).toEqual(new Set(["a text"]));
    }
    expect(engine.stats().plainCalls + engine.stats().submitted).toBeGreaterThan(0);
  });

  it("is one for all tasks of a worker", async () => {
    const engine = await made.engine();
    const pool = made.keep(
      make(engine, { minThreads: 2, maxThreads: 2, concurrentTasksPerWorker: 4 }),
    );
    const tasks = Array.from({ length: 40 }, () => pool.run(undefined, { name: "countClients" }));
    const told = (await within(SOON_MS, "40 tasks", Promise.all(tasks))) as {
      clients: number;
      threadId: number;
    }[];
    expect(told.every(({ clients }) => clients === 1)).toBe(true);
    await untilAtRest(engine, 1 + new Set(told.map(({ threadId }) => threadId)).size);
  });

  it("gives each worker right data", async () => {
    const engine = await made.engine();
    const path = dir().file(Buffer.from(makeBlocks().buffer));
    const pool = made.keep(make(engine, { minThreads: 4, maxThreads: 4 }));
    const task = { path, blocks: BLOCKS, rounds: 20 };
    const counts = Array.from({ length: 12 }, () => pool.run(task, { name: "countWrongBlocks" }));
    expect(await within(SOON_MS, "12 tasks", Promise.all(counts))).toEqual(Array(12).fill(0));
  });

  it("leaves the pool's workerData and env as they were given", async () => {
    const engine = await made.engine();
    const workerData = { list: [1, 2], nested: { text: "x" } };
    const pool = made.keep(make(engine, { maxThreads: 1, workerData, env: { GREETING: "hello" } }));
    // Tinypool's own place is where its documentation says: Tinypool.workerData.
    const told = await pool.run(undefined, {
      name: "tellSurroundings",
      filename: fixture("tasks.mjs"),
    });
    expect(told).toEqual({ workerData, handle: Object.keys(engine.handle()), variable: "hello" });
  });

  it("rejects when the engine is closed, before the first call or after it", async () => {
    const engine = await made.engine();
    const pool = made.keep(make(engine, { minThreads: 1, maxThreads: 1 }));
    const late = made.keep(make(engine, { minThreads: 1, maxThreads: 1 }));
    const path = dir().file("a text");
    expect(await pool.run(path)).toBe("a text");
    await within(SOON_MS, "close()", engine.close());
    for (const one of [pool, late]) {
      const failure = await within(SOON_MS, "a task", one.run(path, { name: "failureOf" }));
      expect(failure).toMatchObject({ code: "ERR_RINGPOST_CLOSED" });
    }
  });

  it("is no client of an engine that is closed: it rejects itself, not the client's requests", async () => {
    const engine = await made.engine();
    const pool = made.keep(make(engine, { minThreads: 1, maxThreads: 1 }));
    const tried = (name: string): Promise<unknown> =>
      within(SOON_MS, "a task", pool.run(undefined, { name }));
    expect(await tried("tryClient")).toBe("a reply");
    await within(SOON_MS, "close()", engine.close());
    const later = (): Promise<unknown> => tried("tryClientLater");
    await expect.poll(later, { timeout: SOON_MS }).toBe("ERR_RINGPOST_CLOSED");
    expect(await later()).toBe("ERR_RINGPOST_CLOSED");
  });

  it("is another one where a task has closed it", async () => {
    const engine = await made.engine({ maxClients: 2 });
    const pool = made.keep(make(engine, { minThreads: 1, maxThreads: 1 }));
    for (let nth = 0; nth < 3; nth++) {
      expect(await within(SOON_MS, "a task", pool.run(undefined, { name: "tryClient" }))).toBe(
        "a reply",
      );
      await within(SOON_MS, "a task", pool.run(undefined, { name: "closeClient" }));
    }
  });

  it("rejects with EAGAIN while all clients are taken, and then finds one", async () => {
    const engine = await made.engine({ maxClients: 2 });
    const other = await connect(engine.handle());
    const pool = made.keep(make(engine, { maxThreads: 1 }));
    const path = dir().file("a text");
    expect(await within(SOON_MS, "a task", pool.run(path, { name: "failureOf" }))).toEqual({
      code: "EAGAIN",
      message:
        "EAGAIN: the engine has all the clients it has room for; raise Engine.start's maxClients, or lower the maxThreads of its pools",
    });
    await other.disconnect();
    expect(await within(SOON_MS, "a task", pool.run(path))).toBe("a text");
  });

  it("waits for a client that is about to be free", async () => {
    const engine = await made.engine({ maxClients: 2 });
    const other = await connect(engine.handle());
    const pool = made.keep(make(engine, { maxThreads: 1 }));
    const running = pool.run(dir().file("a text"));
    await delay(200); // likely it is waiting
    await other.disconnect();
    expect(await within(SOON_MS, "a task", running)).toBe("a text");
    await expect(connect(engine.handle())).rejects.toMatchObject({ code: "EAGAIN" });
  });
});

describe("without an engine, workerClient() says so", () => {
  const filename = fixture("tasks.mjs");
  const failure = {
    code: "ERR_RINGPOST_NO_ENGINE",
    message: `${NO_ENGINE} is no worker of a pool made with it`,
  };

  it("in the main thread of a process, as the tests' is", async () => {
    expect(await failureOf(() => workerClient())).toMatchObject({
      code: "ERR_RINGPOST_NO_ENGINE",
      message: `${NO_ENGINE} is not a worker`,
    });
  });

  it("in a pool that was made without it", async () => {
    for (const pool of [new Piscina({ filename }), new Tinypool({ filename, maxThreads: 1 })]) {
      made.keep(pool);
      expect(await pool.run("/", { name: "failureOf" })).toEqual(failure);
    }
    const withData = made.keep(new Piscina({ filename, workerData: ["ringpost", { a: 1 }] }));
    expect(await withData.run("/", { name: "failureOf" })).toEqual(failure);
  });

  it("in a worker that is of no pool", async () => {
    const worker = new Worker(
      `import("ringpost/piscina").then(({ workerClient }) => workerClient()).catch(({ code, message }) =>
         require("node:worker_threads").parentPort.postMessage({ code, message }))`,
      { eval: true },
    );
    const told = new Promise((resolve) => worker.once("message", resolve));
    expect(await within(SOON_MS, "the worker", told)).toEqual(failure);
  });
});
