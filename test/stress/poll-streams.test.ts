/** Many streams of events at once: every byte that is written to their pipes is noticed, and requests beside them go on. */
import fs from "node:fs";
import { type Client, connect, Engine, type EngineOptions, type PollStream } from "ringpost";
import { describe, expect, it } from "vitest";
import { within } from "../support/deadline.js";
import { Feature } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { makeFifoPath } from "../support/fifos.js";
import { countDescriptors } from "../support/open-descriptors.js";
import { seededRandom } from "../support/random.js";
import { useTempDir } from "../support/temp-dir.js";

const DEADLINE_MS = 45_000;
const IN = 1;
const CREDITS = 16;
const STREAMS = 12;
const WRITES = 4000;

const dir = useTempDir();

const rings: readonly { readonly title: string; readonly options: EngineOptions }[] = [
  { title: "the usual rings", options: {} },
  { title: "one submission at a time", options: { entries: 1 } },
  {
    title: "a completion ring that overflows",
    options: { entries: 1, testing: { completionEntries: 2 } },
  },
  {
    title: "one poll after the other",
    options: { testing: { withoutFeatures: Feature.RSRC_TAGS } },
  },
];

/** A pipe whose stream reads it empty whenever it is told to. */
class WatchedPipe {
  readonly stream: PollStream;
  readonly #fd: number;
  readonly #isRead: Promise<void>;
  bytesRead = 0;

  constructor(client: Client) {
    const { O_RDWR, O_NONBLOCK } = fs.constants;
    this.#fd = fs.openSync(makeFifoPath(dir().fresh()), O_RDWR | O_NONBLOCK);
    this.stream = client.pollEvents(this.#fd, IN);
    this.#isRead = this.#read();
  }

  async #read(): Promise<void> {
    for await (const _ of this.stream) this.#empty();
  }

  #empty(): void {
    const part = Buffer.alloc(4096);
    try {
      while (true) this.bytesRead += fs.readSync(this.#fd, part);
    } catch (error) {
      expect(error).toMatchObject({ code: "EAGAIN" });
    }
  }

  write(bytes: number): void {
    fs.writeSync(this.#fd, Buffer.alloc(bytes));
  }

  async end(): Promise<void> {
    await this.stream.return();
    await this.#isRead;
    fs.closeSync(this.#fd);
  }
}

describe.each(rings)("with $title", ({ options }) => {
  const start = (): Promise<Engine> =>
    Engine.start({ credits: CREDITS, maxClients: 4, ...options });

  it("nothing that is written goes unnoticed", { timeout: 60_000 }, async () => {
    const random = seededRandom("bursts");
    await using engine = await start();
    const clients = [engine.client, await connect(engine.handle())];
    const pipes = Array.from(
      { length: 2 * STREAMS },
      (_, nth) => new WatchedPipe(clients[nth % 2]!),
    );
    let written = 0;
    const nops: Promise<void>[] = [];
    for (let nth = 0; nth < WRITES; nth++) {
      const bytes = 1 + random.below(10);
      random.pick(pipes).write(bytes);
      written += bytes;
      if (random.below(4) === 0) nops.push(random.pick(clients).nop());
      if (random.below(8) === 0) await new Promise(setImmediate);
      if (random.below(50) === 0) await random.pick(clients).readFile("/proc/self/stat");
    }
    const read = (): number => pipes.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    await expect.poll(read, { timeout: DEADLINE_MS, interval: 5 }).toBe(written);
    await within(DEADLINE_MS, "ends", Promise.all(pipes.map((pipe) => pipe.end())));
    expect(nops.length).toBeGreaterThan(0);
    await within(DEADLINE_MS, "nops", Promise.all(nops)); // the last ones may have waited for the streams' credits
    if (options.testing?.completionEntries) expect(engine.stats().overflows).toBeGreaterThan(0);
    for (const { posted, settled, lateReplies, inFlight } of engine.stats().clients) {
      expect({ settled, lateReplies, inFlight }).toEqual({
        settled: posted,
        lateReplies: 0,
        inFlight: 0,
      });
    }
  });

  it("all credits may be streams, and the engine closes over busy ones", async () => {
    const engine = await start();
    const fd = fs.openSync(makeFifoPath(dir().fresh()), "r+");
    const streams = Array.from({ length: CREDITS }, () => engine.client.pollEvents(fd, IN));
    const failures = streams.map((stream) =>
      failureOf(async () => {
        while (true) await stream.next();
      }),
    );
    const waiting = engine.client.nop().catch((error) => error.code);
    const busy = setInterval(() => {
      fs.writeSync(fd, "x");
      fs.readSync(fd, Buffer.alloc(1));
    }, 1);
    await within(DEADLINE_MS, "close", engine.close());
    clearInterval(busy);
    for (const { code } of await Promise.all(failures)) {
      expect(["ECANCELED", "ERR_RINGPOST_CLOSED"]).toContain(code);
    }
    await waiting;
    fs.closeSync(fd);
    expect(countDescriptors(dir().path)).toBe(0);
  });
});
