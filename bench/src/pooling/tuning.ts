/** Finds the size of libuv's thread pool that suits a workload best, by trying some in this very run. */
import { type RunOptions, runCase, valuesOf } from "../rounds.js";
import type { Summary } from "../statistics.js";
import { type Rival, rivalName } from "./rivals.js";
import { poolingTrial } from "./trial.js";
import type { WorkloadName } from "./workloads.js";

/** 4 is Node's own. */
const THREAD_POOL_SIZES: readonly number[] = [2, 4, 8, 16, 32];

export interface Tuning {
  readonly workers: number;
  readonly tried: readonly {
    readonly threadPoolSize: number;
    readonly opsPerSecond: Summary | undefined;
  }[];
  /** The size with most operations per second. */
  readonly best: number;
}

export async function tuneThreadPool(
  workload: WorkloadName,
  workers: number,
  options: RunOptions,
): Promise<Tuning> {
  const rivals = THREAD_POOL_SIZES.map(
    (threadPoolSize): Rival => ({ contender: "tuned", workers, threadPoolSize }),
  );
  const trial = poolingTrial(workload, rivals);
  const [all] = trial.cases({ depths: [], placements: ["free"] });
  if (all === undefined) throw new Error(`${workload} has no case`);
  const result = await runCase(trial, all, options);
  const tried = rivals.map((rival, nth) => ({
    threadPoolSize: THREAD_POOL_SIZES[nth]!,
    opsPerSecond: valuesOf(result, rivalName(rival), "opsPerSecond"),
  }));
  const [best] = [...tried].sort(
    (a, b) => (b.opsPerSecond?.median ?? 0) - (a.opsPerSecond?.median ?? 0),
  );
  return { workers, tried, best: best!.threadPoolSize };
}
