/** The experiment through a pool of workers, as many as the depth, each of which loops over synchronous calls. */
import { createHistogram, performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { Piscina } from "piscina";
import type { Measurement, Task } from "../trial.js";
import type { Cell } from "./cells.js";
import type { DataFile } from "./data-file.js";
import type { LoopResult, LoopTask } from "./piscina-worker.js";

/** Between the giving out of tasks and the first operation that counts. */
const LEAD_MS = 50;
/** Tasks go on for so long after the time is up. */
const SPARE_MS = 50;
const WARM_UPS = 100;
const NS_PER_MS = 1e6;
const NS_PER_US = 1e3;

const now = (): number => performance.timeOrigin + performance.now();

export async function measurePiscina(
  { path, bytes }: DataFile,
  cell: Cell,
  { seed, warmUpMs, measureMs }: Task,
): Promise<Measurement> {
  const threads = cell.depth;
  const pool = new Piscina<LoopTask, LoopResult>({
    filename: new URL("./piscina-worker.js", import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
  });
  const runAll = (durationMs: number, leadMs: number, spareMs: number) => {
    const countFrom = now() + leadMs;
    const countUntil = countFrom + durationMs;
    const task = { path, fileBytes: bytes, cell, countFrom, countUntil, spareMs };
    const results = Array.from({ length: threads }, (_, nth) =>
      pool.run({ ...task, seed: seed * threads + nth }),
    );
    return { countFrom, countUntil, results: Promise.all(results) };
  };
  try {
    await warmUp(threads, () => runAll(Math.max(1, warmUpMs), 0, 0).results);
    const { countFrom, countUntil, results } = runAll(measureMs, LEAD_MS, SPARE_MS);
    const cpuShare = await cpuBetween(countFrom, countUntil);
    return toMeasurement(await results, measureMs, cpuShare);
  } finally {
    await pool.destroy();
  }
}

/** Again until each worker has had a task: they start one after the other. */
async function warmUp(threads: number, runAll: () => Promise<LoopResult[]>): Promise<void> {
  for (let round = 0; round < WARM_UPS; round++) {
    const results = await runAll();
    if (new Set(results.map(({ thread }) => thread)).size === threads) return;
  }
  throw new Error(`piscina didn't use ${threads} workers at a time`);
}

/** CPUs that this process keeps busy between two times. */
async function cpuBetween(from: number, until: number): Promise<number> {
  await setTimeout(Math.max(0, from - now()));
  const startedAt = now();
  const before = process.cpuUsage();
  await setTimeout(Math.max(0, until - now()));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3 / (now() - startedAt);
}

function toMeasurement(
  results: readonly LoopResult[],
  measureMs: number,
  cpuShare: number,
): Measurement {
  const latencyNs = createHistogram();
  let operations = 0;
  for (const { latenciesMs } of results) {
    operations += latenciesMs.length;
    for (const latency of latenciesMs)
      latencyNs.record(Math.max(1, Math.round(latency * NS_PER_MS)));
  }
  const percentileUs = (nth: number): number => latencyNs.percentile(nth) / NS_PER_US;
  return {
    operations,
    opsPerSecond: (operations / measureMs) * 1e3,
    p50Us: percentileUs(50),
    p99Us: percentileUs(99),
    p999Us: percentileUs(99.9),
    cpuUsPerOp: (cpuShare * measureMs * 1e3) / operations,
  };
}
