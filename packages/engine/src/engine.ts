import type { Worker } from "node:worker_threads";
import {
  type Client,
  type ClientShare,
  type CloseOptions,
  closedError,
  connectNow,
  type EngineHandle,
  nextTurn,
  toGraceMs,
  toShare,
} from "@ringpost/client";
import { layoutHash, ringOperations } from "@ringpost/protocol";
import { EngineRing, type RingReport } from "./engine-ring.js";
import { countKernelWorkers } from "./kernel-workers.js";
import { isAllowed, submissionsOf } from "./methods.js";
import { type EngineOptions, type ResolvedOptions, resolveOptions } from "./options.js";
import { type EngineStats, readStats } from "./stats.js";

/** What the kernel granted the engine: its first ring, and each of them. */
export interface EngineReport extends RingReport {
  readonly rings: readonly RingReport[];
}

/**
 * An io_uring ring on a thread of its own, for all threads of the process; or several, with the option `rings`.
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
  /** The engine's thread, for diagnostics; with several rings that of the first. */
  readonly worker: Worker;
  /** What the kernel granted. */
  readonly report: EngineReport;
  readonly #rings: readonly EngineRing[];
  readonly #handle: EngineHandle;
  readonly #allowed: ResolvedOptions["operations"];
  #closing: Promise<void> | undefined;
  #stopping = false;
  /** The shortest of all closes. */
  #graceMs = Number.POSITIVE_INFINITY;

  private constructor(rings: readonly EngineRing[], options: ResolvedOptions) {
    const first = rings[0]!; // there is at least one
    this.#rings = rings;
    this.worker = first.worker;
    this.report = { ...first.report, rings: rings.map(({ report }) => report) };
    this.#handle = {
      ringpost: layoutHash,
      ...first.handle,
      otherRings: rings.slice(1).map(({ handle }) => handle),
      queueLimit: options.queueLimit,
      submit: options.submit,
      hotReads: options.hotReads,
      credits: options.credits,
      weight: 1,
    };
    this.#allowed = options.operations;
    this.client = connectNow(this.#handle, { weight: options.weight }); // the first one: the first ring's
  }

  /**
   * Starts an engine. Rejects with `ERR_RINGPOST_UNAVAILABLE` where the kernel gives no ring; its message names the reason and
   * the cure.
   */
  static async start(options?: EngineOptions): Promise<Engine> {
    const resolved = resolveOptions(options);
    const rings = await EngineRing.startAll(resolved);
    try {
      return new Engine(rings, resolved);
    } catch (error) {
      await EngineRing.stopAll(rings); // its first client couldn't connect
      throw error;
    }
  }

  /**
   * What another thread connects with: plain data, for workerData and postMessage.
   * @param share of those who connect with it, unless they ask for another
   * @throws of wrong arguments; `ERR_RINGPOST_CLOSED` once the engine is closed
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
   * @throws `ERR_INVALID_ARG_VALUE` of any other
   */
  supports(method: string): boolean {
    const submits = submissionsOf(method, "method");
    if (this.#allowed !== undefined && !isAllowed(this.#allowed, method)) return false;
    return submits.every((name) => this.report.operations.includes(ringOperations[name]));
  }

  /** Counts since the start, without a round trip to the engine's thread. */
  stats(): EngineStats {
    return readStats(this.#rings.map(({ memory }) => memory));
  }

  /**
   * Threads of the kernel that work for this engine now, busy or about to end: where it carries out what can't be done at once.
   * Reads /proc, a few dozen microseconds for each thread of the process: not for every request. Linux 5.12; 0 before. In a PID
   * namespace of its own (a container), those of all the process's rings.
   */
  kernelWorkers(): number {
    return countKernelWorkers(this.#rings.map(({ report }) => report.thread));
  }

  /**
   * Closes the engine and all its clients. No more requests are taken; those in flight finish, or are cancelled when nothing
   * has moved for `graceMs`. Every pending promise settles: what the engine hadn't taken rejects with `ERR_RINGPOST_CLOSED`.
   * Once closing, closing again can shorten the grace.
   */
  close(options?: CloseOptions): Promise<void> {
    try {
      this.#graceMs = Math.min(this.#graceMs, toGraceMs(options));
      const disconnected = this.client.disconnect({ graceMs: this.#graceMs });
      if (this.#stopping) this.#stopRings();
      this.#closing ??= this.#stop(disconnected);
      return this.#closing;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #stop(disconnected: Promise<void>): Promise<void> {
    await disconnected;
    this.#stopping = true;
    this.#stopRings();
    await Promise.all(this.#rings.map(({ ended }) => ended));
    // Other clients of this thread have been told by now: their promises settle in this turn of the event loop, or in the next one,
    // where their wakers had just been called for something else.
    await nextTurn();
    await nextTurn();
  }

  #stopRings(): void {
    for (const ring of this.#rings) ring.stop(this.#graceMs);
  }
}
