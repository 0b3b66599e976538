/** The task of a pool's worker that is a loop. A worker keeps what it has opened from one task to the next. */
import { threadId } from "node:worker_threads";
import type { Tally } from "../closed-loop.js";
import { type Load, type Loads, runLoad } from "./load.js";
import type { LoopWorkload } from "./workloads.js";

export interface LoopTask {
  readonly workload: LoopWorkload;
  readonly folder: string;
  readonly seed: number;
  readonly inFlight: number;
  readonly durationMs: number;
}

/** Makes the function that a worker's module exports. */
export function loopOn(loads: Loads): (task: LoopTask) => Promise<Tally> {
  let load: Load | undefined;
  return async ({ workload, folder, seed, inFlight, durationMs }) => {
    const around = { folder, seed: seed + threadId, thread: threadId, inFlight };
    load ??= await loads[workload](around);
    return runLoad(workload, load, durationMs);
  };
}
