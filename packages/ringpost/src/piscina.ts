/**
 * An engine under a pool of workers: piscina, tinypool, or any other that takes `workerData` and gives it to each of its worker
 * threads. Loads none of them.
 */
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { isSharedArrayBuffer } from "node:util/types";
import { isMainThread, workerData } from "node:worker_threads";
import {
  type Client,
  type CodedError,
  checkHandle,
  connect,
  type EngineHandle,
  invalidArgType,
  invalidArgValue,
  isOpen,
  outOfRange,
} from "@ringpost/client";
import type { Engine } from "@ringpost/engine";
import { readGeometry } from "@ringpost/mailbox";

/** Any string, beside those that are named: TypeScript keeps the literals that it is given. */
type OrString = string & Record<never, never>;

/** What is looked at of a pool's options, or is named to keep its type; the others are passed on as they are. */
export interface PoolOptions {
  readonly filename?: string | URL | null | undefined;
  readonly minThreads?: number | undefined;
  readonly maxThreads?: number | undefined;
  readonly workerData?: unknown;
  /** Tinypool's: must be "worker_threads", as an engine serves the threads of one process. */
  readonly runtime?: "worker_threads" | "child_process" | OrString | undefined;
  /** Not looked at; piscina's. */
  readonly atomics?: "sync" | "async" | "disabled" | OrString | undefined;
  /** Not looked at. */
  readonly maxQueue?: number | "auto" | OrString | undefined;
}

/** Left out where they are undefined, which the pools would take in the place of their defaults. */
const defaulted = [
  "filename",
  "minThreads",
  "maxThreads",
  "runtime",
] as const satisfies readonly (keyof PoolOptions)[];

/** How the handle gets into the workers: as one more property of their `workerData`. */
export interface PoolWorkerData {
  readonly ringpost: EngineHandle;
}

/** Most workers that a pool starts of which nobody said how many: tinypool's default, and piscina's. */
const CPUS = availableParallelism();
const MOST_BY_DEFAULT = 1.5 * CPUS;

/**
 * Puts an engine under a pool: `new Piscina(withEngine(engine, { filename }))`, and the same for Tinypool. The tasks get at it by
 * {@link workerClient}. Neither owns the other: close the engine after the pool.
 *
 * Each worker takes one of the engine's `maxClients`, of which the thread that started it has one. More `minThreads` or
 * `maxThreads` throw `ERR_OUT_OF_RANGE`; a pool that is given no `maxThreads` has at most so many, and, where those are fewer than
 * 1.5 per CPU, at most one per CPU.
 * @param engine or its handle, in a worker: `workerData.ringpost`
 * @param options the pool's; their `workerData` must be a plain object, if there is any, since the engine's handle is added to it
 */
export function withEngine<Options extends PoolOptions>(
  engine: Engine | EngineHandle,
  options: Options,
): Options & { readonly workerData: PoolWorkerData } {
  const handle = toHandle(engine);
  if (typeof options !== "object" || options === null) {
    throw invalidArgType("options", "of type object", options);
  }
  const { runtime = "worker_threads" } = options;
  if (runtime !== "worker_threads") {
    const reason = "must be 'worker_threads', since an engine serves the threads of one process";
    throw invalidArgValue("options.runtime", runtime, reason);
  }
  const fitted = {
    ...options,
    ...fitToSeats(options, countSeats(handle)),
    workerData: { ...toPlainData(options.workerData), ringpost: handle },
  };
  for (const name of defaulted) {
    if (fitted[name] === undefined) Reflect.deleteProperty(fitted, name);
  }
  return fitted;
}

function toHandle(engine: unknown): EngineHandle {
  const given = engine as Partial<Engine> | null | undefined; // each property is looked at below
  const handle: unknown = typeof given?.handle === "function" ? given.handle() : given;
  if (!isSharedArrayBuffer((handle as Partial<EngineHandle> | null | undefined)?.memory)) {
    throw invalidArgType("engine", "an Engine, or the handle of one", engine);
  }
  checkHandle(handle);
  return handle;
}

/** Those of all its rings: a client is given one in whichever ring has room. */
function countSeats(handle: EngineHandle): number {
  return [handle, ...handle.otherRings].reduce(
    (sum, { memory }) => sum + readGeometry(memory).maxClients,
    0,
  );
}

function fitToSeats(
  { minThreads, maxThreads }: PoolOptions,
  maxClients: number,
): { maxThreads?: number } {
  if (maxClients === 1) {
    const range = ">= 2 for a pool: the engine's own thread is one of them";
    throw outOfRange("maxClients", range, maxClients);
  }
  const least = toThreads(minThreads, "minThreads", maxClients) ?? 1;
  const most = toThreads(maxThreads, "maxThreads", maxClients);
  const seats = maxClients - 1;
  if (most !== undefined || MOST_BY_DEFAULT <= seats) return {};
  // Whichever pool it is for, it gets no more than by itself, and no less than its minThreads.
  return { maxThreads: Math.min(seats, Math.max(CPUS, least)) };
}

/**
 * How many the pool will make of it: to tinypool less than one is a share of the CPUs. It would reckon with what is no number, too, so
 * that is refused here, as are more than there are seats.
 */
function toThreads(given: unknown, name: string, maxClients: number): number | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== "number") throw invalidArgType(`options.${name}`, "of type number", given);
  if (Number.isNaN(given)) throw outOfRange(`options.${name}`, "a number", given);
  const threads = given > 0 && given < 1 ? Math.max(1, Math.floor(given * CPUS)) : given;
  const seats = maxClients - 1;
  if (threads <= seats) return threads;
  const share = threads === given ? "" : ` (of ${CPUS} CPUs ${given} is ${threads})`;
  const range = `<= ${seats}${share}: the engine's maxClients is ${maxClients}, its own thread being one of them`;
  throw outOfRange(`options.${name}`, range, given);
}

function toPlainData(data: unknown): object {
  if (data === undefined || data === null) return {};
  const prototype: unknown = typeof data === "object" ? Object.getPrototypeOf(data) : data;
  if (typeof data !== "object" || (prototype !== null && prototype !== Object.prototype)) {
    const expected = "a plain object, since the engine's handle is added to it";
    throw invalidArgType("options.workerData", expected, data);
  }
  if (Object.hasOwn(data, "ringpost")) {
    const reason = "must be without a property 'ringpost', which is the engine's handle";
    throw invalidArgValue("options.workerData", data, reason);
  }
  return data;
}

/**
 * How long a worker waits for a client. One that replaces a terminated worker may be there before the other has ended, which
 * a call that no termination interrupts can hold up (fs.readSync, say). `connect` itself waits for clients that are closing.
 */
const SEAT_WAIT_MS = 2000;
const SEAT_LOOK_MS = 2;

let connected: Promise<Client> | undefined;
/** What that has resolved to. */
let current: Client | undefined;

/**
 * The client of this worker, in the task of a pool made by {@link withEngine}: connected at the first call, and the same for as
 * long as it is open. It is the worker's, not the task's: don't close it. It closes by itself when its thread ends or is
 * terminated, as happens to an aborted task; what it has in flight then is cancelled.
 *
 * Rejects with `ERR_RINGPOST_NO_ENGINE` in any other thread, with `ERR_RINGPOST_CLOSED` when the engine is closed (until a worker
 * that slept meanwhile has heard of it, the client's requests reject with the same), and with `EAGAIN` when all of its
 * `maxClients` are connected, and stay so for two seconds; the next call tries again.
 */
export function workerClient(): Promise<Client> {
  if (current !== undefined && !isOpen(current)) connected = undefined;
  connected ??= connectWorker().catch((error: unknown) => {
    connected = undefined;
    throw error;
  });
  return connected;
}

async function connectWorker(): Promise<Client> {
  current = undefined;
  const handle = findHandle();
  for (const deadline = performance.now() + SEAT_WAIT_MS; ; await setTimeout(SEAT_LOOK_MS)) {
    try {
      current = await connect(handle);
      return current;
    } catch (error) {
      if ((error as Partial<CodedError>).code !== "EAGAIN") throw error;
      if (performance.now() > deadline) throw withPoolsCure(error as CodedError);
    }
  }
}

function withPoolsCure(error: CodedError): CodedError {
  error.message += ", or lower the maxThreads of its pools";
  return error;
}

function findHandle(): EngineHandle {
  // Tinypool has its own data before the pool's.
  const data: unknown = Array.isArray(workerData) ? workerData[1] : workerData;
  const handle = (data as Partial<PoolWorkerData> | null | undefined)?.ringpost;
  if (isMainThread || handle === undefined) {
    const where = isMainThread ? "is not a worker" : "is no worker of a pool made with it";
    throw Object.assign(
      new Error(
        `workerClient() is for tasks of \`new Piscina(withEngine(engine, options))\`; this thread ${where}`,
      ),
      { code: "ERR_RINGPOST_NO_ENGINE" },
    );
  }
  return handle;
}
