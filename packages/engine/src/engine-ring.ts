/** One ring of an engine: its worker, its part of the handle, and what the kernel granted it. Of the thread that starts the engine. */
import { Worker } from "node:worker_threads";
import type { RingHandle } from "@ringpost/client";
import { addon, type NativeEngineOptions, type StartRefusal } from "@ringpost/native";
import { geometry, layoutHash, writeGeometry } from "@ringpost/protocol";
import type { WorkerInput, WorkerOutput } from "./engine-worker.js";
import { guardExit, releaseExit } from "./exit-guard.js";
import type { ResolvedOptions } from "./options.js";
import { endedError, refusalError, workerError } from "./refusal.js";

/** What the kernel granted one ring. */
export type RingReport = Exclude<WorkerOutput, StartRefusal>;

export class EngineRing {
  readonly worker: Worker;
  readonly report: RingReport;
  readonly memory: SharedArrayBuffer;
  /** Resolves when its thread has ended. */
  readonly ended: Promise<void>;

  private constructor(worker: Worker, report: RingReport, memory: SharedArrayBuffer) {
    this.worker = worker;
    this.report = report;
    this.memory = memory;
    this.ended = new Promise((resolve) => {
      worker.once("exit", () => {
        releaseExit(report.id);
        resolve();
      });
    });
    guardExit(report.id);
  }

  /** All rings of an engine. Where one can't be started, those that were are stopped, and the reason is thrown. */
  static async startAll(options: ResolvedOptions): Promise<readonly EngineRing[]> {
    const first = await EngineRing.#start(options);
    const group = first.report.id;
    const starts = Array.from({ length: options.rings - 1 }, () =>
      EngineRing.#start(options, group),
    );
    const outcomes = await Promise.allSettled(starts);
    const others = outcomes.flatMap((outcome) =>
      outcome.status === "fulfilled" ? [outcome.value] : [],
    );
    const rings = [first, ...others];
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) {
      await EngineRing.stopAll(rings);
      throw failed.reason;
    }
    return rings;
  }

  /** Of an engine that nobody has yet. */
  static async stopAll(rings: readonly EngineRing[]): Promise<void> {
    for (const ring of rings) ring.stop(0);
    await Promise.all(rings.map(({ ended }) => ended));
  }

  /** @param group the first ring's number; it has none yet itself */
  static async #start(options: ResolvedOptions, group = 0): Promise<EngineRing> {
    const memory = layOutMemory(options);
    const worker = startWorker(memory, group, options);
    const output = await firstMessage(worker);
    if ("errno" in output) throw refusalError(output);
    worker.unref();
    // An error in the engine's thread ends it, and its clients are told so; it must not bring the process down besides.
    worker.on("error", (error) => process.emitWarning(error));
    return new EngineRing(worker, output, memory);
  }

  get handle(): RingHandle {
    return { engine: this.report.id, memory: this.memory };
  }

  /** Takes no more requests; what is in flight is cancelled when nothing has moved for `graceMs`. Then its thread ends. */
  stop(graceMs: number): void {
    addon.stopEngine(this.report.id, graceMs);
    this.worker.ref();
  }
}

/** The one message of engine-worker.ts. A thread for which no descriptors are left doesn't get so far, nor one that somebody ends. */
function firstMessage(worker: Worker): Promise<WorkerOutput> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", (error) => reject(workerError(error)));
    worker.once("exit", (exitCode) => reject(endedError(exitCode)));
  });
}

function layOutMemory({ maxClients, credits, testing }: ResolvedOptions): SharedArrayBuffer {
  const made = geometry(maxClients, credits);
  const memory = new SharedArrayBuffer(made.totalBytes);
  writeGeometry(new Uint32Array(memory), made, layoutHash, testing.initialIndex ?? 0);
  return memory;
}

function startWorker(
  memory: SharedArrayBuffer,
  group: number,
  {
    entries,
    completionEntries,
    deferTaskrun,
    iopoll,
    sqpoll,
    operations,
    kernelWorkers,
    minWait,
    wait,
    placement,
    testing,
  }: ResolvedOptions,
): Worker {
  const options: NativeEngineOptions = {
    group,
    entries,
    completionEntries,
    deferTaskrun,
    iopoll,
    ...(sqpoll && { sqpoll: true, sqpollIdleMs: sqpoll.idleMs, sqpollCpu: sqpoll.cpu }),
    ...(operations && {
      allowedOperations: operations.submissions,
      allowedRequests: [...operations.requests].map(({ opcode }) => opcode),
    }),
    assumePollQueues: testing.assumePollQueues ?? false,
    boundedWorkers: kernelWorkers.bounded,
    unboundedWorkers: kernelWorkers.unbounded,
    minWaitCompletions: minWait.completions,
    minWaitUs: minWait.us,
    wait,
    placement: placement.mode,
    ...(placement.cpus && { cpus: placement.cpus }),
    withoutSetupFlags: testing.withoutSetupFlags ?? 0,
    withoutFeatures: testing.withoutFeatures ?? 0,
    withoutOperations: testing.withoutOperations ?? [],
  };
  return newWorker({ memory, options });
}

function newWorker(workerData: WorkerInput): Worker {
  try {
    return new Worker(new URL("./engine-worker.js", import.meta.url), {
      name: "ringpost",
      workerData,
      // Nothing of the program's own: no loaders, no preloads. The loader of the addon looks at the rest of the environment.
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: "" },
    });
  } catch (error) {
    throw workerError(error as Error); // at the limit of threads
  }
}
