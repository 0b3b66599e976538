/**
 * The smallest rings, and 10,000 requests at once from one turn: nothing is lost, doubled, or reordered within a client's own chain.
 * Every request writes a record of its own number to its own place, so that one that is lost or done twice shows in the file.
 */
import fs from "node:fs";
import { type Client, connect, Engine, type EngineOptions, opened } from "ringpost";
import { describe, expect, it } from "vitest";
import { within } from "../support/deadline.js";
import { makeFifo } from "../support/fifos.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { chooseSeed, makeRandom } from "../support/random.js";
import { useTempDir } from "../support/temp-dir.js";

const DEADLINE_MS = 45_000;
const REQUESTS = 10_000;
const RECORD_BYTES = 16;
const CANARY = 0xc5;

const dir = useTempDir();
const descriptors = useDescriptors();

const rings: readonly { readonly title: string; readonly options: EngineOptions }[] = [
  { title: "the smallest rings", options: { entries: 1, credits: 2, maxClients: 4 } },
  {
    title: "a completion ring that overflows",
    options: { entries: 1, credits: 1024, maxClients: 4, testing: { completionEntries: 2 } },
  },
  { title: "many credits, few entries", options: { entries: 2, credits: 4096, maxClients: 4 } },
];

const recordOf = (nth: number): Buffer => Buffer.from(String(nth).padStart(RECORD_BYTES, "0"));

describe.each(rings)("with $title", ({ options }) => {
  async function withClients(test: (clients: Client[], engine: Engine) => Promise<void>) {
    const engine = await Engine.start(options);
    try {
      const others = [await connect(engine.handle()), await connect(engine.handle())];
      await test([engine.client, ...others], engine);
      for (const { posted, settled, lateReplies, inFlight } of engine.stats().clients) {
        expect({ settled, lateReplies, inFlight }).toEqual({
          settled: posted,
          lateReplies: 0,
          inFlight: 0,
        });
      }
    } finally {
      await engine.close();
    }
  }

  it("each of 10,000 writes is done once, and each of 10,000 reads gets it", () =>
    withClients(async (clients) => {
      const fd = descriptors.open(dir().fresh(), "w+");
      const settled = new Uint8Array(REQUESTS);
      const writes = Array.from({ length: REQUESTS }, async (_, nth) => {
        const client = clients[nth % clients.length]!;
        expect(await client.write(fd, recordOf(nth), nth * RECORD_BYTES)).toBe(RECORD_BYTES);
        settled[nth]!++;
      });
      await within(DEADLINE_MS, "writes", Promise.all(writes));
      expect(settled.every((times) => times === 1)).toBe(true);
      const whole = Buffer.concat(Array.from({ length: REQUESTS }, (_, nth) => recordOf(nth)));
      const file = Buffer.alloc(whole.length + 1);
      expect(fs.readSync(fd, file, 0, file.length, 0)).toBe(whole.length);
      expect(file.subarray(0, whole.length).equals(whole)).toBe(true);
      const reads = Array.from({ length: REQUESTS }, async (_, nth) => {
        const room = Buffer.alloc(3 * RECORD_BYTES, CANARY);
        const view = room.subarray(RECORD_BYTES, 2 * RECORD_BYTES);
        await clients[nth % clients.length]!.read(fd, view, nth * RECORD_BYTES);
        return (
          view.equals(recordOf(nth)) &&
          room[RECORD_BYTES - 1] === CANARY &&
          room[2 * RECORD_BYTES] === CANARY
        );
      });
      expect((await within(DEADLINE_MS, "reads", Promise.all(reads))).every(Boolean)).toBe(true);
    }));

  it("reads that all wait, and all end at once", () =>
    withClients(async (clients, engine) => {
      const fifo = makeFifo(dir().fresh());
      const reads = Array.from({ length: REQUESTS }, (_, nth) =>
        clients[nth % clients.length]!.read(fifo.fd, Buffer.alloc(1)),
      );
      await new Promise((resolve) => setTimeout(resolve, 50)); // until as many wait in the kernel as can
      fs.writeSync(fifo.fd, Buffer.alloc(REQUESTS)); // a pipe holds as much
      const counts = await within(DEADLINE_MS, "reads", Promise.all(reads));
      expect(counts.reduce((sum, bytes) => sum + bytes, 0)).toBe(REQUESTS);
      if (options.testing !== undefined) expect(engine.stats().overflows).toBeGreaterThan(0);
      fifo.close();
    }));

  it("10,000 steps of chains keep their order, each chain's own", () =>
    withClients(async (clients) => {
      const random = makeRandom(chooseSeed("lengths of chains"));
      const longest = Math.min(options.credits ?? 0, 64);
      const chains: { path: string; writes: number; run: Promise<unknown> }[] = [];
      for (let steps = 0; steps < REQUESTS; ) {
        const path = dir().fresh();
        const chain = clients[chains.length % clients.length]!.chain().open(path, "a");
        const writes = 1 + random.below(longest - 1);
        for (let nth = 0; nth < writes; nth++) chain.write(opened, recordOf(nth));
        chains.push({ path, writes, run: chain.run() });
        steps += writes + 1;
      }
      await within(DEADLINE_MS, "chains", Promise.all(chains.map(({ run }) => run)));
      for (const { path, writes } of chains) {
        const expected = Buffer.concat(Array.from({ length: writes }, (_, nth) => recordOf(nth)));
        expect(fs.readFileSync(path).equals(expected)).toBe(true);
        fs.unlinkSync(path);
      }
    }));
});
