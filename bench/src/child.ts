/**
 * A child process that measures one rival of one trial, once. By hand, for a profiler say:
 * `node bench/dist/child.js '{"trial":"nops", …}'`, with a Task of trial.ts, prints the measurement.
 */
import { answerParent } from "./child-process.js";
import type { Task } from "./trial.js";
import { trialNamed } from "./trials/index.js";

await answerParent(async (task: Task) => {
  const trial = trialNamed(task.trial);
  if (trial === undefined) throw new Error(`No trial is called ${task.trial}`);
  return trial.measure(task);
});
