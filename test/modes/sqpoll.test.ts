/** A thread of the kernel's takes the submissions: no io_uring_enter while there is work, sleep while there is none. */
import { setTimeout as sleep } from "node:timers/promises";
import { Engine, type EngineOptions } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { SetupFlag } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const KIB = 1024;
/** Longer than a loaded machine holds a thread up. */
const AWAKE = { sqpoll: { idleMs: 60_000 } };

/** Reads the file over and over, 32 at a time. */
async function readFor(ms: number, { client }: Engine, fd: number): Promise<number> {
  const end = performance.now() + ms;
  let reads = 0;
  const loop = async (): Promise<void> => {
    const buffer = Buffer.alloc(4 * KIB);
    while (performance.now() < end) {
      expect(await client.read(fd, buffer, { position: 0 })).toBe(4 * KIB);
      reads++;
    }
  };
  await Promise.all(Array.from({ length: 32 }, loop));
  return reads;
}

it("makes no io_uring_enter, and rings no doorbell, while there is work", async () => {
  await using engine = await Engine.start(AWAKE);
  expect(engine.report.setupFlags & SetupFlag.SQPOLL).not.toBe(0);
  expect(engine.report.setupFlags & SetupFlag.DEFER_TASKRUN).toBe(0);
  const fd = await engine.client.open(dir().file("x".repeat(4 * KIB)));
  await readFor(100, engine, fd);
  const before = engine.stats();
  const reads = await readFor(1500, engine, fd);
  const after = engine.stats();
  expect(reads).toBeGreaterThan(100);
  expect(after.enters - before.enters).toBe(0);
  expect(after.doorbells - before.doorbells).toBe(0);
  await engine.client.close(fd);
});

it("sleeps when it had nothing to do for idleMs, and wakes up for the next request", async () => {
  await using engine = await Engine.start({ sqpoll: { idleMs: 1 } });
  const { enters } = engine.stats();
  const sleeps = (): number => engine.stats().enters - enters;
  // On a busy machine the thread may not have come to its sleep in between.
  for (let nth = 0; nth < 100 && sleeps() < 10; nth++) {
    await engine.client.nop();
    await sleep(50); // a few ticks of the kernel's clock
  }
  expect(sleeps()).toBeGreaterThanOrEqual(10);
});

it("waits for room where the ring is full, and loses nothing", async () => {
  await using engine = await Engine.start({ ...AWAKE, entries: 1 });
  const made = Array.from({ length: 2000 }, () => engine.client.nop());
  await Promise.all(made);
});

it("asks for what the kernel holds back, and not only when it falls asleep", async () => {
  const few = { maxClients: 1, entries: 4, testing: { completionEntries: 8 } };
  await using engine = await Engine.start({ ...AWAKE, ...few });
  const round = (): Promise<unknown> =>
    Promise.all(Array.from({ length: 200 }, () => engine.client.timeout(50)));
  for (let nth = 0; nth < 20 && engine.stats().overflows === 0; nth++)
    await within(SOON_MS, "all of a round", round());
  expect(engine.stats().overflows).toBeGreaterThan(0);
});

it("can be terminated while it looks for work", async () => {
  const engine = await Engine.start(AWAKE);
  const pending = engine.client.nop();
  await pending;
  expect(await engine.worker.terminate()).toBe(1);
  expect((await failureOf(() => engine.client.nop())).code).toBe("ERR_RINGPOST_CLOSED");
  await engine.close();
});

it("binds the kernel's thread to a CPU", async () => {
  await using engine = await Engine.start({ sqpoll: { cpu: 0 } });
  expect(engine.report.setupFlags & SetupFlag.SQ_AFF).not.toBe(0);
  await engine.client.nop();
});

it.each([
  ["a CPU that isn't there", { sqpoll: { cpu: 8191 } }],
  ["a kernel that has it for registered files alone", { testing: { withoutFeatures: 1 << 7 } }],
])("says so where the kernel refuses: %s", async (_title, options) => {
  expect(await failureOf(() => Engine.start({ sqpoll: true, ...options }))).toMatchObject({
    code: "ERR_RINGPOST_UNAVAILABLE",
    message: expect.stringContaining("options.sqpoll needs IORING_SETUP_SQPOLL (Linux 5.11"),
  });
});

it.each<[EngineOptions, string]>([
  [{ sqpoll: 1 as unknown as boolean }, "ERR_INVALID_ARG_TYPE"],
  [{ sqpoll: null as unknown as boolean }, "ERR_INVALID_ARG_TYPE"],
  [{ sqpoll: { idleMs: 0 } }, "ERR_OUT_OF_RANGE"],
  [{ sqpoll: { cpu: -1 } }, "ERR_OUT_OF_RANGE"],
  [{ sqpoll: true, deferTaskrun: true }, "ERR_INVALID_ARG_VALUE"],
])("refuses %j", async (options, code) => {
  expect(await failureOf(() => Engine.start(options))).toMatchObject({ code });
});
