/** A child process that copies a tree once, one way, and measures that. */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { answerParent } from "../child-process.js";
import { copyFiles } from "./copy-files.js";
import { type Way, ways } from "./file-access.js";
import { makeSkeleton } from "./skeleton.js";
import type { Tree } from "./tree.js";

export interface PassTask {
  readonly way: Way;
  /** A file with the Tree, as JSON: too long for an argument. */
  readonly treeFile: string;
  readonly target: string;
  readonly concurrency: number;
}

export interface PassResult {
  readonly elapsedMs: number;
  readonly cpuMs: number;
  readonly eventLoopDelayP99Ms: number;
}

/** How often the delay is looked at. */
const RESOLUTION_MS = 1;
/** Between two messages on the progress. */
const PROGRESS_MS = 100;

await answerParent(async (task: PassTask, tellProgress): Promise<PassResult> => {
  // The copy has the permissions of the original, not those that the user's umask leaves.
  process.umask(0);
  const tree = JSON.parse(readFileSync(task.treeFile, "utf8")) as Tree; // main-job.ts wrote it
  makeSkeleton(tree, task.target);
  const access = await ways[task.way]();
  try {
    return await measure(() =>
      copyFiles(access, tree.files, {
        from: tree.root,
        to: task.target,
        concurrency: task.concurrency,
        onFile: nowAndThen(tellProgress),
      }),
    );
  } finally {
    await access.close();
  }
});

async function measure(work: () => Promise<void>): Promise<PassResult> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const startedAt = performance.now();
  const cpuAtStart = process.cpuUsage();
  await work();
  const cpu = process.cpuUsage(cpuAtStart);
  const elapsedMs = performance.now() - startedAt;
  delay.disable();
  return {
    elapsedMs,
    cpuMs: (cpu.user + cpu.system) / 1e3,
    // The histogram has the time from one look to the next, of which the resolution is no delay.
    eventLoopDelayP99Ms: Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS),
  };
}

function nowAndThen(tell: (done: number) => void): (done: number) => void {
  let nextAt = 0;
  return (done) => {
    const now = performance.now();
    if (now < nextAt) return;
    nextAt = now + PROGRESS_MS;
    tell(done);
  };
}
