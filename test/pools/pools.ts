/** The two pools, each with the tasks of fixtures/tasks.mjs, and an engine to put under them. */
import { fileURLToPath } from "node:url";
import { MessageChannel, type ResourceLimits, type Transferable } from "node:worker_threads";
import { Piscina } from "piscina";
import { Engine, type EngineOptions } from "ringpost";
import { withEngine } from "ringpost/piscina";
import { Tinypool } from "tinypool";
import { afterEach, expect } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";

/** What both understand. */
export interface CommonOptions {
  readonly filename?: string;
  readonly minThreads?: number;
  readonly maxThreads?: number;
  readonly idleTimeout?: number;
  readonly maxQueue?: number;
  readonly concurrentTasksPerWorker?: number;
  readonly resourceLimits?: ResourceLimits;
  readonly workerData?: unknown;
  readonly env?: Record<string, string>;
}

export interface RunOptions {
  readonly name?: string;
  readonly signal?: AbortSignal;
  readonly transferList?: Transferable[];
}

export interface Pool {
  readonly threads: readonly object[];
  run(task: unknown, options?: RunOptions): Promise<unknown>;
  destroy(): Promise<void>;
}

export type MakePool = (engine: Engine, options?: CommonOptions) => Pool;

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

const filename = fixture("tasks.mjs");

/**
 * By import() alone: a worker that is terminated while it loads a module by require() may end the whole process ("IsGraphAsync must be
 * used on an instantiated module", Node 20.20), and an aborted task's successor is, where its pool is destroyed.
 */
const execArgv = ["--no-experimental-require-module"];

export const pools: readonly { readonly name: string; readonly make: MakePool }[] = [
  {
    name: "piscina",
    make: (engine, options) => new Piscina(withEngine(engine, { filename, execArgv, ...options })),
  },
  {
    name: "tinypool",
    make: (engine, options) => new Tinypool(withEngine(engine, { filename, ...options })),
  },
];

export interface Made {
  engine(options?: EngineOptions): Promise<Engine>;
  /** Destroyed after the test, before the engines are closed. */
  keep<P extends { destroy(): Promise<void> }>(pool: P): P;
}

/** What the tests of a file make, ended after each of them. */
export function useEngines(): Made {
  const engines: Engine[] = [];
  const kept: { destroy(): Promise<void> }[] = [];
  afterEach(async () => {
    await within(SOON_MS, "destroy()", Promise.all(kept.splice(0).map((pool) => pool.destroy())));
    await within(SOON_MS, "close()", Promise.all(engines.splice(0).map((one) => one.close())));
  });
  return {
    async engine(options) {
      const engine = await Engine.start({ hotReads: false, ...options }); // what the tests look at is the engine
      engines.push(engine);
      return engine;
    },
    keep(pool) {
      kept.push(pool);
      return pool;
    },
  };
}

/** Clients that the engine has now, its own thread's included. */
export function countClients(engine: Engine): number {
  const { clientsOpened, clientsDrained } = engine.stats();
  return clientsOpened - clientsDrained;
}

/** Waits until the engine has so many clients, and nothing in flight. */
export async function untilAtRest(engine: Engine, clients: number): Promise<void> {
  await expect
    .poll(() => ({ clients: countClients(engine), inFlight: engine.stats().inFlight }), {
      timeout: SOON_MS,
    })
    .toEqual({ clients, inFlight: 0 });
}

/** Runs a task that tells when its request is on its way; resolves then. */
export async function runPosted(
  pool: Pool,
  task: object,
  options: RunOptions,
): Promise<{ readonly done: Promise<unknown> }> {
  const { port1, port2 } = new MessageChannel();
  const transferList = [...(options.transferList ?? []), port2];
  const done = pool.run({ ...task, port: port2 }, { ...options, transferList });
  done.catch(() => undefined); // looked at later
  const posted = new Promise((resolve) => port1.once("message", resolve));
  await within(SOON_MS, `the task ${options.name}`, Promise.race([posted, done]));
  port1.close();
  return { done };
}

export const BLOCKS = 64;

/** Blocks for `countWrongBlocks`. */
export function makeBlocks(): Uint32Array {
  const words = new Uint32Array(BLOCKS * 1024);
  for (let block = 0; block < BLOCKS; block++) words.fill(block, block * 1024, (block + 1) * 1024);
  return words;
}
