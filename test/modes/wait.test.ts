/** What engine and clients do before they sleep: nothing that an idle process would feel, and nothing that keeps anybody waiting. */
import { setTimeout as sleep } from "node:timers/promises";
import { Engine, type EngineOptions } from "ringpost";
import { describe, expect, it } from "vitest";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const BYTES = 4096;
const BLOCKS = 64;
/** On average: a client settles 128 and a few before timers and other I/O have their turn. */
const MOST_READS_PER_ROUND = 150;

const blocks = (): Buffer =>
  Buffer.concat(Array.from({ length: BLOCKS }, (_, nth) => Buffer.alloc(BYTES, nth)));

/** Reads at random, so many at a time, and looks at what it reads. */
async function readFor(ms: number, { client }: Engine, fd: number, depth: number): Promise<number> {
  const end = performance.now() + ms;
  let reads = 0;
  const loop = async (): Promise<void> => {
    const buffer = Buffer.alloc(BYTES);
    while (performance.now() < end) {
      const block = Math.floor(Math.random() * BLOCKS);
      expect(await client.read(fd, buffer, { position: block * BYTES })).toBe(BYTES);
      if (buffer[0] !== block || buffer[BYTES - 1] !== block) throw new Error("another block");
      reads++;
    }
  };
  await Promise.all(Array.from({ length: depth }, loop));
  return reads;
}

const table: readonly EngineOptions[] = [
  { wait: "notify" },
  { wait: "poll" },
  { wait: "poll", placement: "spread" },
  { wait: "poll", placement: "colocate" },
  { wait: "auto", placement: "float" },
  {},
];

describe.each(table)("with %o", (options) => {
  it("reads right at every depth", async () => {
    await using engine = await Engine.start({ ...options, hotReads: false });
    const fd = await engine.client.open(dir().file(blocks()));
    for (const depth of [1, 4, 64, 600]) {
      expect(await readFor(100, engine, fd, depth)).toBeGreaterThan(0);
    }
    await engine.client.close(fd);
  });

  it("lets the event loop go round", async () => {
    await using engine = await Engine.start({ ...options, hotReads: false });
    const fd = await engine.client.open(dir().file(blocks()));
    let rounds = 0;
    let ended = false;
    setImmediate(function round() {
      rounds++;
      if (!ended) setImmediate(round);
    });
    const reads = await readFor(300, engine, fd, 8);
    ended = true;
    expect(reads / rounds).toBeLessThan(MOST_READS_PER_ROUND);
    await engine.client.close(fd);
  });

  it("sleeps when there is nothing to do, and when what there is takes long", async () => {
    await using engine = await Engine.start({ ...options, hotReads: false });
    const { client } = engine;
    const [from, to] = await client.pipe();
    for (let nth = 0; nth < 100; nth++) await client.nop();
    await sleep(50);
    const read = client.read(from, Buffer.alloc(1));
    await sleep(50);
    const before = process.cpuUsage();
    const { wakeups } = engine.stats();
    await sleep(1000);
    const { user, system } = process.cpuUsage(before);
    // Most of it is Vitest's own: a CPU that looked all the time would take the whole second.
    expect((user + system) / 1e6).toBeLessThan(0.5);
    expect(engine.stats().wakeups - wakeups).toBeLessThan(10);
    await client.write(to, Buffer.from("x"));
    expect(await read).toBe(1);
    await client.close(from);
    await client.close(to);
  });
});
