/** The two clients of the trial "fairness": one that has thousands of reads queued, and one that makes one at a time. */
import { constants } from "node:fs";
import { setImmediate, setTimeout } from "node:timers/promises";
import type { Client } from "ringpost";
import { ClosedLoop, runPromises } from "./closed-loop.js";
import { Random } from "./random.js";
import type { Measurement } from "./trial.js";

export const BLOCK_BYTES = 4096;
export const FILE_BYTES: number = 64 << 20;

/** Reads that the greedy one has posted and that aren't answered, all the time. */
const QUEUED = 10_000;
/** Its memory; what is read is looked at by nobody. */
const GREEDY_BUFFERS = 256;
/** Every latency counts: there is one client, whose every read is asked about. */
const EVERY_ONE = 1;
const LOOK_MS = 20;
const BUSY_MS = 1;

export interface ReadWork {
  readonly path: string;
  /** Whether past the page cache. */
  readonly isDirect: boolean;
  readonly seed: number;
}

async function openReads(client: Client, { path, isDirect, seed }: ReadWork, bufferCount: number) {
  const fd = await client.open(path, constants.O_RDONLY | (isDirect ? constants.O_DIRECT : 0));
  const buffers = Array.from({ length: bufferCount }, () =>
    isDirect ? client.lease(BLOCK_BYTES).buffer : Buffer.allocUnsafeSlow(BLOCK_BYTES),
  );
  const random = new Random(seed);
  return {
    read: (nth: number): Promise<number> => {
      const position = random.below(FILE_BYTES / BLOCK_BYTES) * BLOCK_BYTES;
      return client.read(fd, buffers[nth % bufferCount]!, position);
    },
    close: () => client.close(fd),
  };
}

function checkBytes(bytes: number): void {
  if (bytes !== BLOCK_BYTES) throw new Error(`A read gave ${bytes} bytes of ${BLOCK_BYTES}`);
}

/** The greedy one, until it is over. Returns its reads per second. */
export async function readGreedily(
  client: Client,
  work: ReadWork,
  isOver: () => boolean,
): Promise<number> {
  const { read, close } = await openReads(client, work, GREEDY_BUFFERS);
  const begun = performance.now();
  let over = false;
  let done = 0;
  const goOn = async (_: unknown, nth: number): Promise<void> => {
    for (; !over; done++) checkBytes(await read(nth));
  };
  const chains = Array.from({ length: QUEUED }, goOn);
  while (!isOver()) await setTimeout(LOOK_MS);
  over = true;
  const perSecond = (done / (performance.now() - begun)) * 1e3;
  await Promise.all(chains);
  await close();
  return perSecond;
}

/** In place of the greedy one: wants a CPU as it does, and nothing of the engine. */
export async function keepBusy(isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const end = performance.now() + BUSY_MS;
    while (performance.now() < end) {
      // So do programs that compute.
    }
    await setImmediate();
  }
}

/** The polite one. */
export async function readPolitely(
  client: Client,
  work: ReadWork,
  warmUpMs: number,
  measureMs: number,
): Promise<Measurement> {
  const { read, close } = await openReads(client, work, 1);
  await runPromises(new ClosedLoop(warmUpMs, EVERY_ONE), 1, read, checkBytes);
  const loop = new ClosedLoop(measureMs, EVERY_ONE);
  await runPromises(loop, 1, read, checkBytes);
  await close();
  return loop.measurement();
}
