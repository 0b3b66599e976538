/** Measures one rival, once. Runs in a child process of its own. */
import { measurementOf } from "../closed-loop.js";
import { countEngine, detailsBetween } from "../engine-details.js";
import type { Measurement, Task } from "../trial.js";
import { ProcessCost } from "./process-cost.js";
import { startRunner } from "./runner.js";
import { workloadNamed } from "./workloads.js";

export async function measureRival(task: Task): Promise<Measurement> {
  const { refresh } = workloadNamed(task.trial);
  const bareRssBytes = process.memoryUsage.rss();
  const runner = await startRunner(task);
  try {
    refresh?.(task.folder);
    await runner.run(task.warmUpMs);
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
