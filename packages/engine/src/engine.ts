import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import {
  type Client,
  type ClientShare,
  type CloseOptions,
  closedError,
  connectNow,
  type EngineHandle,
  toGraceMs,
  toShare,
} from "@ringpost/client";
import { addon, type NativeEngineOptions, type StartRefusal } from "@ringpost/native";
import { geometry, layoutHash, ringOperations, writeGeometry } from "@ringpost/protocol";
import type { WorkerInput, WorkerOutput } from "./engine-worker.js";
import { guardExit, releaseExit } from "./exit-guard.js";
import { countKernelWorkers } from "./kernel-workers.js";
import { type AllowList, submissionsOf } from "./methods.js";
import { type EngineOptions, type ResolvedOptions, resolveOptions } from "./options.js";
import { refusalError, workerError } from "./refusal.js";
import { type EngineStats, readStats } from "./stats.js";

/** What the kernel granted the engine. */
export type EngineReport = Exclude<WorkerOutput, StartRefusal>;

/**
 * One io_uring ring on a thread of its own, for all threads of the process.
 *
 * ```ts
 * await using engine = await Engine.start();
 * const text = await engine.client.readFile("/etc/hostname", "utf8");
 * ```
 *
 * An open engine doesn't keep its process alive; requests in flight do. A ring made before `setuid()` keeps the privileges
 * from before: start engines after dropping privileges.
 */
export class Engine implements AsyncDisposable {
  /** The client of the thread that started the engine. */
  readonly client: Client;
  /** The engine's thread, for diagnostics. */
  readonly worker: Worker;
  /** What the kernel granted. */
  readonly report: EngineReport;
  readonly #handle: EngineHandle;
  readonly #allowed: AllowList | undefined;
  readonly #ended: Promise<void>;
  #closing: Promise<void> | undefined;
  #stopping = false;

  private constructor(
    worker: Worker,
    handle: EngineHandle,
    report: EngineReport,
    allowed: AllowList | undefined,
    weight: number,
  ) {
    this.worker = worker;
    this.report = report;
    this.#handle = handle;
    this.#allowed = allowed;
    this.#ended = new Promise((resolve) => {
      worker.once("exit", () => {
        releaseExit(report.id);
        resolve();
      });
    });
    guardExit(report.id);
    this.client = connectNow(handle, { weight });
  }

  /**
   * Starts an engine. Rejects with `ERR_RINGPOST_UNAVAILABLE` where the kernel gives no ring; its message names the reason and
   * the cure.
   */
  static async start(options?: EngineOptions): Promise<Engine> {
    const resolved = resolveOptions(options);
    const memory = layOutMemory(resolved);
    const worker = startWorker(memory, resolved);
    const output = await firstMessage(worker);
    if ("errno" in output) throw refusalError(output);
    worker.unref();
    // An error in the engine's thread ends it, and its clients are told so; it must not bring the process down besides.
    worker.on("error", (error) => process.emitWarning(error));
    const handle = {
      ringpost: layoutHash,
      engine: output.id,
      memory,
      queueLimit: resolved.queueLimit,
      submit: resolved.submit,
      credits: resolved.credits,
      weight: 1,
    };
    return new Engine(worker, handle, output, resolved.operations, resolved.weight);
  }

  /**
   * What another thread connects with: plain data, for workerData and postMessage.
   * @param share of those who connect with it, unless they ask for another
   */
  handle(share?: ClientShare): EngineHandle {
    if (this.#closing !== undefined) throw closedError("engine");
    const handle = this.#handle;
    return share === undefined
      ? handle
      : { ...handle, ...toShare(share, "share", handle, handle.credits) };
  }

  /**
   * Whether the kernel has what a method of the client submits ("ftruncate", say), by the kernel's own probe. A method without
   * it works all the same where the README's table says "system call"; others reject with ENOSYS. False for what isn't in the
   * engine's `operations`, too.
   * @param method one of the README's table
   */
  supports(method: string): boolean {
    const submits = submissionsOf(method, "method");
    if (this.#allowed !== undefined && !this.#allowed.methods.has(method)) return false;
    return submits.every((name) => this.report.operations.includes(ringOperations[name]));
  }

  /** Counts since the start, without a round trip to the engine's thread. */
  stats(): EngineStats {
    return readStats(this.#handle.memory);
  }

  /**
   * Threads of the kernel that work for this engine now, busy or about to end: where it carries out what can't be done at once.
   * Reads /proc, a few dozen microseconds for each thread of the process: not for every request. Linux 5.12; 0 before. In a PID
   * namespace of its own (a container), those of all the process's rings.
   */
  kernelWorkers(): number {
    return countKernelWorkers(this.report.thread);
  }

  /**
   * Closes the engine and all its clients. No more requests are taken; those in flight finish, or are cancelled when nothing
   * has moved for `graceMs`. Every pending promise settles: what the engine hadn't taken rejects with `ERR_RINGPOST_CLOSED`.
   * Once closing, closing again can shorten the grace.
   */
  close(options?: CloseOptions): Promise<void> {
    try {
      const graceMs = toGraceMs(options);
      const disconnected = this.client.disconnect({ graceMs });
      if (this.#stopping) addon.stopEngine(this.report.id, graceMs);
      this.#closing ??= this.#stop(disconnected, graceMs);
      return this.#closing;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #stop(disconnected: Promise<void>, graceMs: number): Promise<void> {
    await disconnected;
    this.#stopping = true;
    addon.stopEngine(this.report.id, graceMs);
    this.worker.ref();
    await this.#ended;
    // Other clients of this thread have been told by now, in the same turn as this: their promises have settled, too.
    await setImmediate();
  }
}

/** The one message of engine-worker.ts. A thread for which no descriptors are left doesn't get so far. */
async function firstMessage(worker: Worker): Promise<WorkerOutput> {
  try {
    const [output] = (await once(worker, "message")) as [WorkerOutput]; // see engine-worker.ts
    return output;
  } catch (error) {
    throw workerError(error as Error); // an 'error' event carries one
  }
}

function layOutMemory({ maxClients, credits, wait, testing }: ResolvedOptions): SharedArrayBuffer {
  const made = geometry(maxClients, credits);
  const memory = new SharedArrayBuffer(made.totalBytes);
  writeGeometry(new Uint32Array(memory), made, layoutHash, testing.initialIndex ?? 0, wait);
  return memory;
}

function startWorker(
  memory: SharedArrayBuffer,
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
    entries,
    completionEntries,
    deferTaskrun,
    iopoll,
    ...(sqpoll && { sqpoll: true, sqpollIdleMs: sqpoll.idleMs, sqpollCpu: sqpoll.cpu }),
    ...(operations && {
      allowedOperations: operations.submissions,
      allowedRequests: operations.requests,
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
  return new Worker(new URL("./engine-worker.js", import.meta.url), {
    name: "ringpost",
    workerData: { memory, options } satisfies WorkerInput,
    // Nothing of the program's own: no loaders, no preloads.
    execArgv: [],
  });
}
