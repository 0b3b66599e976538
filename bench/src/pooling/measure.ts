/** Measures one rival, once. Runs in a child process of its own. */
import { availableParallelism } from "node:os";
import { measurementOf } from "../closed-loop.js";
import { countEngine, detailsBetween } from "../engine-details.js";
import type { Measurement, Task } from "../trial.js";
import { ProcessCost } from "./process-cost.js";
import { parseRival } from "./rivals.js";
import { startRunner } from "./runner.js";
import { workloadNamed } from "./workloads.js";

export async function measureRival(task: Task): Promise<Measurement> {
  const { refresh } = workloadNamed(task.trial);
  const bareRssBytes = process.memoryUsage.rss();
  const runner = await startRunner(task);
  try {
    refresh?.(task.folder);
    await runner.run(task.warmUpMs * crowding(task.rival));
    refresh?.(task.folder);
    const countsBefore = countEngine(runner.engine);
    const cost = new ProcessCost(bareRssBytes);
    const loops = measurementOf(await runner.run(task.measureMs));
    return {
      ...loops,
      ...cost.end(loops.operations ?? 0),
      ...detailsBetween(countsBefore, countEngine(runner.engine)),
    };
  } finally {
    await runner.close();
  }
}

/** How much longer the warm-up is where workers have to share CPUs: each compiles everything for itself. */
function crowding(rival: string): number {
  const { workers = 1 } = parseRival(rival);
  return Math.max(1, workers / availableParallelism());
}
