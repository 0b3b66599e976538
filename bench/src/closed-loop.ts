/**
 * The loop that every rival runs: `depth` chains, each of which starts its next operation when its last one is done. Closed, so
 * latency is that of an operation among `depth` others; a slow system is asked for less.
 */
import { createHistogram, performance, type RecordableHistogram } from "node:perf_hooks";
import type { Measurement, Metric } from "./trial.js";

export const LOOP_METRICS: readonly Metric[] = [
  { key: "opsPerSecond", title: "ops/s", digits: 0 },
  { key: "p50Us", title: "p50 µs", digits: 1 },
  { key: "p99Us", title: "p99 µs", digits: 1 },
  { key: "p999Us", title: "p99.9 µs", digits: 1 },
  { key: "cpuUsPerOp", title: "CPU µs/op", digits: 2 },
];

/**
 * Operations from one sample of the latency to the next. Sampling keeps the clock out of the result. A prime, since operations
 * come in batches of the depth: a stride that divides it would always look at the same place of the batch.
 */
const SAMPLE_STRIDE = 17;
const NOT_SAMPLED = -1;

const NS_PER_US = 1e3;
const NS_PER_MS = 1e6;

/** What a loop has counted; can be sent to another thread. */
export interface Tally {
  readonly operations: number;
  readonly elapsedMs: number;
  readonly latencyNs: RecordableHistogram;
}

/** Counts the operations of all chains until the time is up. */
export class ClosedLoop {
  readonly #latencyNs = createHistogram();
  readonly #sampleStride: number;
  readonly #startedAt: number;
  readonly #deadline: number;
  readonly #cpuAtStart: NodeJS.CpuUsage;
  #cpu: NodeJS.CpuUsage = { user: 0, system: 0 };
  #elapsedMs = 0;
  #operations = 0;
  #untilSample: number;
  #isOver = false;

  /** @param sampleStride 1 where operations are few or slow: the end of the time is seen only at a sample */
  constructor(durationMs: number, sampleStride: number = SAMPLE_STRIDE) {
    this.#sampleStride = sampleStride;
    this.#untilSample = sampleStride;
    this.#cpuAtStart = process.cpuUsage();
    this.#startedAt = performance.now();
    this.#deadline = this.#startedAt + durationMs;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** An operation begins. Returns what {@link end} has to be told. */
  begin(): number {
    if (--this.#untilSample > 0) return NOT_SAMPLED;
    this.#untilSample = this.#sampleStride;
    return performance.now();
  }

  /** It is done. Those that are still on their way when the time is up don't count. */
  end(begunAt: number): void {
    if (this.#isOver) return;
    this.#operations++;
    if (begunAt === NOT_SAMPLED) return;
    const now = performance.now();
    this.#latencyNs.record(Math.max(1, Math.round((now - begunAt) * NS_PER_MS)));
    if (now >= this.#deadline) this.#finish(now);
  }

  get tally(): Tally {
    return {
      operations: this.#operations,
      elapsedMs: this.#elapsedMs,
      latencyNs: this.#latencyNs,
    };
  }

  measurement(): Measurement {
    const cpuUs = this.#cpu.user + this.#cpu.system;
    return { ...measurementOf([this.tally]), cpuUsPerOp: cpuUs / this.#operations };
  }

  #finish(now: number): void {
    this.#isOver = true;
    this.#elapsedMs = now - this.#startedAt;
    this.#cpu = process.cpuUsage(this.#cpuAtStart);
  }
}

/** What loops that ran at the same time come to together. */
export function measurementOf(tallies: readonly Tally[]): Measurement {
  const latencyNs = createHistogram();
  let operations = 0;
  let opsPerSecond = 0;
  for (const tally of tallies) {
    latencyNs.add(tally.latencyNs);
    operations += tally.operations;
    opsPerSecond += (tally.operations / tally.elapsedMs) * 1e3;
  }
  const percentileUs = (nth: number): number => latencyNs.percentile(nth) / NS_PER_US;
  return {
    operations,
    opsPerSecond,
    p50Us: percentileUs(50),
    p99Us: percentileUs(99),
    p999Us: percentileUs(99.9),
  };
}

/** Throws where an operation didn't do what it should: rivals that do less aren't rivals. */
export type Check<T> = (result: T, chain: number) => void;

/** The same loop for what blocks its thread: one operation at a time. */
export function runBlocking<T>(loop: ClosedLoop, operate: () => T, check: Check<T>): void {
  while (!loop.isOver) {
    const begunAt = loop.begin();
    check(operate(), 0);
    loop.end(begunAt);
  }
}

export function runPromises<T>(
  loop: ClosedLoop,
  depth: number,
  operate: (chain: number) => Promise<T>,
  check: Check<T>,
): Promise<void> {
  async function runChain(chain: number): Promise<void> {
    while (!loop.isOver) {
      const begunAt = loop.begin();
      check(await operate(chain), chain);
      loop.end(begunAt);
    }
  }
  return allChains(depth, runChain);
}

export type Done<T> = (error: Error | null, result: T) => void;

/** The same, for an operation with a callback: no promise per operation, no closure either. */
export function runCallbacks<T>(
  loop: ClosedLoop,
  depth: number,
  operate: (chain: number, done: Done<T>) => void,
  check: Check<T>,
): Promise<void> {
  function runChain(chain: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let begunAt = loop.begin();
      const done: Done<T> = (error, result) => {
        if (error !== null) {
          reject(error);
          return;
        }
        try {
          check(result, chain);
        } catch (unexpected) {
          reject(unexpected);
          return;
        }
        loop.end(begunAt);
        if (loop.isOver) {
          resolve();
          return;
        }
        begunAt = loop.begin();
        operate(chain, done);
      };
      operate(chain, done);
    });
  }
  return allChains(depth, runChain);
}

async function allChains(depth: number, runChain: (chain: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: depth }, (_, chain) => runChain(chain)));
}
