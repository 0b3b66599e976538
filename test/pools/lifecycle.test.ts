// Workers come and go as pools grow, shrink, recycle and end; each gives its client back.
import { writeSync } from "node:fs";
import { Piscina } from "piscina";
import type { Engine } from "ringpost";
import { withEngine } from "ringpost/piscina";
import { Tinypool } from "tinypool";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { type Fifo, makeFifo } from "../support/fifos.js";
import { countDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";
import {
  countClients,
  fixture,
  type Pool,
  pools,
  runPosted,
  untilAtRest,
  useEngines,
} from "./pools.js";

const made = useEngines();
const dir = useTempDir();
const filename = fixture("tasks.mjs");

/** Starts as many reads of the FIFO, each in a worker of its own. */
async function readInAll(pool: Pool, count: number, { fd }: Fifo): Promise<Promise<unknown>[]> {
  const started = Array.from({ length: count }, () => runPosted(pool, { fd }, { name: "read" }));
  return (await Promise.all(started)).map(({ done }) => done);
}

/** Ends one of them. */
function say(word: string, { fd }: Fifo): void {
  writeSync(fd, word);
}

/** One after the other: a read takes all the words that are there. */
async function endAll(reads: Promise<unknown>[], fifo: Fifo): Promise<void> {
  const left = new Set(reads);
  while (left.size > 0) {
    say("word", fifo);
    const ends = [...left].map((read) => read.then(() => left.delete(read)));
    await within(SOON_MS, "a read", Promise.race(ends));
  }
}

async function expectWorking(pool: Pool, engine: Engine): Promise<void> {
  const path = dir().file("a text");
  expect(await within(SOON_MS, "a task", pool.run(path))).toBe("a text");
  expect(await engine.client.readFile(path, "utf8")).toBe("a text");
}

describe.each(pools)("$name", ({ name, make }) => {
  it("grows with its tasks, and shrinks after idleTimeout, again and again", async () => {
    const engine = await made.engine();
    const options = { minThreads: 1, maxThreads: 4, idleTimeout: 50 };
    const pool = made.keep(make(engine, options));
    const fifo = makeFifo(dir().fresh());
    for (let round = 0; round < 3; round++) {
      await endAll(await readInAll(pool, 4, fifo), fifo);
      await expect.poll(() => pool.threads.length, { timeout: SOON_MS }).toBe(1);
      await expect
        .poll(() => engine.stats().clients.filter(({ connected }) => connected).length, {
          timeout: SOON_MS,
        })
        .toBeLessThanOrEqual(2); // its own, and that of the one that stayed
    }
    expect(engine.stats().clientsOpened).toBeGreaterThanOrEqual(1 + 4 + 3 + 3);
    fifo.close();
  });

  it("has a client for each worker where those of one ring wouldn't be enough", async () => {
    const engine = await made.engine({ rings: 3, maxClients: 6 });
    const pool = made.keep(make(engine, { minThreads: 5, maxThreads: 5 }));
    const fifo = makeFifo(dir().fresh());
    const reads = await readInAll(pool, 5, fifo);
    await expect.poll(() => countClients(engine), { timeout: SOON_MS }).toBe(6);
    await endAll(reads, fifo);
    fifo.close();
  });

  it("refuses what maxQueue has no room for, and does the rest", async () => {
    const engine = await made.engine();
    const pool = made.keep(make(engine, { minThreads: 1, maxThreads: 1, maxQueue: 1 }));
    const fifo = makeFifo(dir().fresh());
    const { done } = await runPosted(pool, { fd: fifo.fd }, { name: "read" });
    const queued = pool.run(dir().file("a text"));
    await expect(pool.run("/")).rejects.toThrow("Task queue is at limit");
    say("word", fifo);
    expect(await within(SOON_MS, "both", Promise.all([done, queued]))).toEqual(["word", "a text"]);
    fifo.close();
  });

  it("replaces a worker that ends by an uncaught error", async () => {
    const engine = await made.engine({ maxClients: 2 });
    const pool = made.keep(make(engine, { minThreads: 1, maxThreads: 1 }));
    const fifo = makeFifo(dir().fresh());
    for (let round = 0; round < 3; round++) {
      const task = pool.run({ fd: fifo.fd }, { name: "throwUncaught" });
      await expect(within(SOON_MS, "the task", task)).rejects.toThrow("thrown in a worker");
      await expectWorking(pool, engine);
    }
    await pool.destroy();
    await untilAtRest(engine, 1);
    say("for the main thread", fifo);
    const view = Buffer.alloc(100);
    const bytes = await engine.client.read(fifo.fd, view);
    expect(view.toString("utf8", 0, bytes)).toBe("for the main thread"); // no worker's read took it
    fifo.close();
  });

  it("replaces a worker whose heap is full (resourceLimits)", async () => {
    const engine = await made.engine({ maxClients: 2 });
    const resourceLimits = { maxOldGenerationSizeMb: 24 };
    const pool = made.keep(make(engine, { minThreads: 1, maxThreads: 1, resourceLimits }));
    const fifo = makeFifo(dir().fresh());
    const task = pool.run({ fd: fifo.fd }, { name: "exhaustHeap" });
    await expect(within(SOON_MS, "the task", task)).rejects.toThrow(/memory limit/);
    await expectWorking(pool, engine);
    fifo.close();
  });

  it("is destroyed with I/O in flight", async () => {
    const engine = await made.engine();
    const pool = make(engine, { minThreads: 3, maxThreads: 3 });
    const fifo = makeFifo(dir().fresh());
    const before = countDescriptors(dir().path);
    const reads = await readInAll(pool, 3, fifo);
    await within(SOON_MS, "destroy()", pool.destroy());
    for (const read of reads) {
      await expect(within(SOON_MS, "a read", read)).rejects.toThrow("Terminating worker thread");
    }
    await untilAtRest(engine, 1);
    expect(countDescriptors(dir().path)).toBe(before);
    expect(await engine.client.readFile(dir().file("a text"), "utf8")).toBe("a text");
    fifo.close();
  });

  it("outlives its engine: what is in flight is cancelled, and later tasks are told", async () => {
    const engine = await made.engine();
    const pool = made.keep(make(engine, { minThreads: 2, maxThreads: 2 }));
    const fifo = makeFifo(dir().fresh());
    await Promise.all([1, 2].map(() => pool.run("/proc/self/stat"))); // one may be asleep, with a client
    const { done } = await runPosted(pool, { fd: fifo.fd }, { name: "readOutcome" });
    await within(SOON_MS, "close()", engine.close());
    expect(await within(SOON_MS, "the read", done)).toMatchObject({ name: "Error" });
    for (let nth = 0; nth < 4; nth++) {
      const failure = await within(SOON_MS, "a task", pool.run("/", { name: "failureOf" }));
      expect(failure).toMatchObject({ code: "ERR_RINGPOST_CLOSED" });
    }
    await within(SOON_MS, "destroy()", pool.destroy());
    fifo.close();
  });

  it(`is one of several under one engine, or of several engines (${name})`, async () => {
    const engines = [
      await made.engine({ maxClients: 4 }),
      await made.engine({ maxClients: 3 }),
    ] as const;
    const path = dir().file("a text");
    const made4 = [
      make(engines[0], { maxThreads: 1 }),
      make(engines[0], { maxThreads: 2 }),
      make(engines[1]),
    ];
    for (const pool of made4) made.keep(pool);
    const tasks = made4.flatMap((pool) => Array.from({ length: 6 }, () => pool.run(path)));
    expect(new Set(await within(SOON_MS, "18 tasks", Promise.all(tasks)))).toEqual(
      new Set(["a text"]),
    );
  });
});

describe("tinypool's recycling", () => {
  it("isolateWorkers gives each task a worker, and each worker a client", async () => {
    const engine = await made.engine({ maxClients: 3 });
    const options = withEngine(engine, {
      filename,
      isolateWorkers: true,
      minThreads: 2,
      maxThreads: 2,
    });
    const pool = made.keep(new Tinypool(options));
    const path = dir().file("a text");
    const tasks = Array.from({ length: 12 }, () => pool.run(path));
    expect(await within(SOON_MS, "12 tasks", Promise.all(tasks))).toEqual(Array(12).fill("a text"));
    expect(engine.stats().clientsOpened).toBe(1 + 12);
    await pool.destroy();
    await untilAtRest(engine, 1);
  });

  it("recycleWorkers() with tasks under way", async () => {
    const engine = await made.engine({ maxClients: 3 });
    const pool = made.keep(
      new Tinypool(withEngine(engine, { filename, minThreads: 2, maxThreads: 2 })),
    );
    const path = dir().file("a text");
    for (let round = 0; round < 3; round++) {
      const tasks = Array.from({ length: 6 }, () => pool.run(path));
      await within(SOON_MS, "recycleWorkers()", pool.recycleWorkers());
      expect(await within(SOON_MS, "6 tasks", Promise.all(tasks))).toEqual(Array(6).fill("a text"));
    }
    await pool.destroy();
    await untilAtRest(engine, 1);
  });
});

describe("piscina's close()", () => {
  it("waits for the tasks that run, and their I/O", async () => {
    const engine = await made.engine();
    const pool = new Piscina(withEngine(engine, { filename, minThreads: 1, maxThreads: 1 }));
    const fifo = makeFifo(dir().fresh());
    const [read] = await readInAll(pool, 1, fifo);
    const closing = pool.close();
    say("word", fifo);
    expect(await within(SOON_MS, "the read", read!)).toBe("word");
    await within(SOON_MS, "close()", closing);
    await untilAtRest(engine, 1);
    fifo.close();
  });
});
