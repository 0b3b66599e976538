/**
 * The loop that every rival runs: `depth` chains, each of which starts its next operation when its last one is done. Closed, so
 * latency is that of an operation among `depth` others; a slow system is asked for less.
 */
import { createHistogram, performance } from "node:perf_hooks";
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

/** Counts the operations of all chains until the time is up. */
export class ClosedLoop {
  readonly #latencyNs = createHistogram();
  readonly #startedAt: number;
  readonly #deadline: number;
  readonly #cpuAtStart: NodeJS.CpuUsage;
  #cpu: NodeJS.CpuUsage = { user: 0, system: 0 };
  #elapsedMs = 0;
  #operations = 0;
  #untilSample = SAMPLE_STRIDE;
  #isOver = false;

  constructor(durationMs: number) {
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
    this.#untilSample = SAMPLE_STRIDE;
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

  measurement(): Measurement {
    const cpuUs = this.#cpu.user + this.#cpu.system;
    const percentileUs = (nth: number): number => this.#latencyNs.percentile(nth) / NS_PER_US;
    return {
      operations: this.#operations,
      opsPerSecond: (this.#operations / this.#elapsedMs) * 1e3,
      p50Us: percentileUs(50),
      p99Us: percentileUs(99),
      p999Us: percentileUs(99.9),
      cpuUsPerOp: cpuUs / this.#operations,
    };
  }

  #finish(now: number): void {
    this.#isOver = true;
    this.#elapsedMs = now - this.#startedAt;
    this.#cpu = process.cpuUsage(this.#cpuAtStart);
  }
}

/** Throws where an operation didn't do what it should: rivals that do less aren't rivals. */
export type Check<T> = (result: T) => void;

export function runPromises<T>(
  loop: ClosedLoop,
  depth: number,
  operate: (chain: number) => Promise<T>,
  check: Check<T>,
): Promise<void> {
  async function runChain(chain: number): Promise<void> {
    while (!loop.isOver) {
      const begunAt = loop.begin();
      check(await operate(chain));
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
          check(result);
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
