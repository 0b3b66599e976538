/** A task of piscina: transfers one after the other, by node's synchronous calls, until the time is up. */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { threadId } from "node:worker_threads";
import type { Cell } from "./cells.js";
import { alignedBuffers, Work } from "./work.js";

export interface LoopTask {
  readonly path: string;
  readonly fileBytes: number;
  readonly cell: Cell;
  readonly seed: number;
  /** Milliseconds since 1970: operations that end between the two are counted. */
  readonly countFrom: number;
  readonly countUntil: number;
  /** The loop goes on for so long, so that the others aren't alone at the end. */
  readonly spareMs: number;
}

export interface LoopResult {
  readonly thread: number;
  /** Of each operation that was counted. */
  readonly latenciesMs: Float64Array;
}

export default function loop(task: LoopTask): LoopResult {
  const { path, fileBytes, cell, seed } = task;
  const work = new Work(cell, fileBytes, seed);
  const fd = openSync(path, work.openFlags);
  const [buffer] = alignedBuffers(1, work.blockBytes);
  const from = task.countFrom - performance.timeOrigin;
  const until = task.countUntil - performance.timeOrigin;
  const latencies: number[] = [];
  try {
    for (let begunAt = performance.now(); begunAt < until + task.spareMs; ) {
      const bytes = work.nextIsRead()
        ? readSync(fd, buffer!, 0, work.blockBytes, work.nextPosition())
        : writeSync(fd, buffer!, 0, work.blockBytes, work.nextPosition());
      work.checkBytes(bytes);
      const now = performance.now();
      if (now >= from && now < until) latencies.push(now - begunAt);
      begunAt = now;
    }
  } finally {
    closeSync(fd);
  }
  return { thread: threadId, latenciesMs: Float64Array.from(latencies) };
}
