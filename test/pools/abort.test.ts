// What becomes of a task's I/O when its AbortSignal says stop. Both pools terminate the worker of an aborted task.
import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { transferableAbortController } from "node:util";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { makeFifo, makeFifoPath } from "../support/fifos.js";
import { countDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";
import {
  BLOCKS,
  countClients,
  makeBlocks,
  type Pool,
  pools,
  runPosted,
  untilAtRest,
  useEngines,
} from "./pools.js";

const made = useEngines();
const dir = useTempDir();

const ROUNDS = 5;

/** Every task of fixtures/tasks.mjs that never ends by itself. */
const ENDLESS = ["read", "readOwn", "readFile", "chain", "readMany"] as const;

/** What such a task needs: files of its own. */
function makeEndless(name: (typeof ENDLESS)[number]) {
  const path = dir().fresh(".fifo");
  const target = dir().fresh();
  if (name === "readMany") {
    return { task: { path: dir().file(Buffer.alloc(4096)) }, close: () => undefined };
  }
  if (name === "readFile") {
    makeFifoPath(path);
    return { task: { path }, close: () => undefined };
  }
  const { fd, close } = makeFifo(path);
  return { task: { path, fd, target }, close };
}

/** Reads and checks blocks until stopped. Resolves to the number of tasks, and of wrong blocks. */
async function runSteadily(pool: Pool, path: string, stop: AbortSignal) {
  const result = { tasks: 0, wrong: 0 };
  while (!stop.aborted) {
    const task = pool.run({ path, blocks: BLOCKS, rounds: 2 }, { name: "countWrongBlocks" });
    result.wrong += Number(await within(SOON_MS, "countWrongBlocks", task));
    result.tasks++;
  }
  return result;
}

async function abortOne(pool: Pool, name: string, task: object): Promise<void> {
  const controller = new AbortController();
  const { done } = await runPosted(pool, task, { name, signal: controller.signal });
  controller.abort();
  await expect(within(SOON_MS, `${name}, aborted`, done)).rejects.toThrow(
    "The task has been aborted",
  );
}

describe.each(pools)("an AbortSignal on a task of $name", ({ make }) => {
  it.each(ENDLESS)(
    "cancels its I/O and gives its client back, and disturbs nobody: %s",
    async (name) => {
      // Not one more than the workers need: a terminated one must have given its client back before the next one works.
      const engine = await made.engine({ maxClients: 3, credits: 1024 });
      const pool = made.keep(make(engine, { minThreads: 2, maxThreads: 2 }));
      const blocks = dir().file(Buffer.from(makeBlocks().buffer));
      const { task, close } = makeEndless(name);
      const before = countDescriptors(dir().path);
      const stop = new AbortController();
      const steady = runSteadily(pool, blocks, stop.signal);
      for (let round = 0; round < ROUNDS; round++) await abortOne(pool, name, task);
      stop.abort();
      const { tasks, wrong } = await steady;
      expect({ tasks: tasks > 0, wrong }).toEqual({ tasks: true, wrong: 0 });

      await expect.poll(() => engine.stats().inFlight, { timeout: SOON_MS }).toBe(0);
      await expect.poll(() => countDescriptors(dir().path), { timeout: SOON_MS }).toBe(before);
      await pool.destroy();
      await untilAtRest(engine, 1);
      expect(engine.stats().clientsOpened).toBeGreaterThan(ROUNDS);
      close();
    },
  );

  it("cancels that of workers below its own, too", async () => {
    const engine = await made.engine();
    const pool = made.keep(make(engine, { minThreads: 1, maxThreads: 1 }));
    const fifo = makeFifo(dir().fresh());
    await abortOne(pool, "readNested", { fd: fifo.fd });
    // The engine may not have seen any of them when the task says that it has posted.
    await expect.poll(() => engine.stats().clientsOpened, { timeout: SOON_MS }).toBe(3);
    await untilAtRest(engine, 1);
    fifo.close();
  });

  it("lets the next worker wait for the client of one that takes its time to end", async () => {
    const engine = await made.engine({ maxClients: 2 });
    const pool = made.keep(make(engine, { minThreads: 1, maxThreads: 1 }));
    const fifo = makeFifo(dir().fresh());
    await abortOne(pool, "readBlocking", { fd: fifo.fd });
    const next = pool.run(dir().file("a text"));
    await delay(200); // likely it is waiting
    writeSync(fifo.fd, "word");
    expect(await within(SOON_MS, "the next task", next)).toBe("a text");
    fifo.close();
  });

  it("of one that waits for its turn takes nothing from those that run", async () => {
    const engine = await made.engine();
    const pool = made.keep(make(engine, { minThreads: 1, maxThreads: 1 }));
    const fifo = makeFifo(dir().fresh());
    const { done } = await runPosted(pool, { fd: fifo.fd }, { name: "read" });
    const controller = new AbortController();
    const waiting = pool.run({ fd: fifo.fd }, { name: "read", signal: controller.signal });
    controller.abort();
    await expect(within(SOON_MS, "the one that waits", waiting)).rejects.toThrow(
      "The task has been aborted",
    );
    await engine.client.write(fifo.fd, Buffer.from("words"));
    expect(await within(SOON_MS, "the one that runs", done)).toBe("words");
    expect(countClients(engine)).toBe(2);
    fifo.close();
  });

  it("can be sent along instead: it cancels the I/O, and the worker lives on", async () => {
    const engine = await made.engine();
    const pool = made.keep(make(engine, { minThreads: 1, maxThreads: 1 }));
    const fifo = makeFifo(dir().fresh());
    const workers = new Set<number>();
    for (let round = 0; round < ROUNDS; round++) {
      const { signal, abort } = abortable();
      const sent = { fd: fifo.fd, signal };
      const { done } = await runPosted(pool, sent, { name: "readOutcome", transferList: [signal] });
      abort();
      const outcome = (await within(SOON_MS, "the read", done)) as {
        name: string;
        threadId: number;
      };
      expect(outcome.name).toBe("AbortError");
      workers.add(outcome.threadId);
    }
    expect(workers.size).toBe(1);
    await untilAtRest(engine, 2);
    fifo.close();
  });
});

/** A signal that may be sent to another thread. */
function abortable(): { signal: AbortSignal; abort(): void } {
  const controller = transferableAbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
