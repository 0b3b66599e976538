/** Brings a rival up in this process: its pool, its engine. Loads only what that rival needs, since memory is measured. */
import type { Engine } from "ringpost";
import { ClosedLoop, runPromises, type Tally } from "../closed-loop.js";
import { Random } from "../random.js";
import type { Task } from "../trial.js";
import { BLOCK_BYTES, blockFileIn, checkBlock, Places } from "./block-file.js";
import { type Load, runLoad } from "./load.js";
import { type Contender, parseRival, type Rival } from "./rivals.js";
import type { LoopTask } from "./worker-loop.js";
import {
  IN_FLIGHT_FROM_MAIN,
  IN_FLIGHT_PER_WORKER,
  type LoopWorkload,
  WORKLOADS,
} from "./workloads.js";

export interface Runner {
  /** Runs for so long, in all threads that it has. */
  run(durationMs: number): Promise<readonly Tally[]>;
  close(): Promise<void>;
  /** Ringpost's, for what its counters tell. */
  readonly engine?: Engine | undefined;
}

export function startRunner(task: Task): Promise<Runner> {
  const rival = parseRival(task.rival);
  if (rival.contender === "main") return startOnMain(task);
  return task.trial === "offload" ? startOffload(task, rival) : startPool(task, rival);
}

/** No pool: the main thread asks the engine itself. */
async function startOnMain({ trial, folder, seed }: Task): Promise<Runner> {
  const { Engine } = await import("ringpost");
  const { ringpostLoads } = await import("./ringpost-loads.js");
  // Offloading a read is a read, for a thread that doesn't have to ask another one.
  const workload = trial === "offload" ? "reads" : toLoop(trial);
  const engine = await Engine.start();
  const around = { folder, seed, thread: 0, inFlight: IN_FLIGHT_FROM_MAIN };
  const load: Load = await ringpostLoads(engine.client)[workload](around);
  return {
    run: async (durationMs) => [await runLoad(workload, load, durationMs)],
    close: () => engine.close(),
    engine,
  };
}

/** Each worker has one task at a time, which is a loop. */
async function startPool({ trial, folder, seed }: Task, rival: Rival): Promise<Runner> {
  const engine =
    rival.contender === "shared" ? await (await import("ringpost")).Engine.start() : undefined;
  const workers = workersOf(rival);
  const pool = await startWorkers(rival.contender, LOOP_MODULES, workers, engine);
  const shared = { workload: toLoop(trial), folder, seed, inFlight: IN_FLIGHT_PER_WORKER };
  return {
    run: (durationMs) => {
      const task: LoopTask = { ...shared, durationMs };
      return Promise.all(
        Array.from({ length: workers }, () => pool.run(task, { name: "loop" }) as Promise<Tally>),
      );
    },
    async close() {
      await pool.destroy();
      await engine?.close();
    },
    engine,
  };
}

/** Each task is one read; the main thread has many of them under way, and looks at the bytes. */
async function startOffload({ folder, seed }: Task, rival: Rival): Promise<Runner> {
  const pool = await startWorkers(rival.contender, READ_MODULES, workersOf(rival));
  const name = rival.contender === "copied" ? "copied" : "moved";
  const path = blockFileIn(folder, "cached");
  const places = new Places(path, BLOCK_BYTES, new Random(seed));
  const positions = Array.from({ length: IN_FLIGHT_FROM_MAIN }, () => 0);
  return {
    async run(durationMs) {
      const loop = new ClosedLoop(durationMs, WORKLOADS.offload.sampleStride);
      await runPromises(
        loop,
        IN_FLIGHT_FROM_MAIN,
        (chain) => {
          const position = places.next();
          positions[chain] = position;
          return pool.run({ path, position }, { name }) as Promise<Uint8Array>; // read-task.ts
        },
        (bytes, chain) => {
          const block = Buffer.from(bytes.buffer, bytes.byteOffset, BLOCK_BYTES);
          checkBlock(block, bytes.length, positions[chain]!);
        },
      );
      return [loop.tally];
    },
    close: async () => pool.destroy(),
  };
}

/** What piscina and tinypool have in common. */
interface Pool {
  run(task: unknown, options: { name: string }): Promise<unknown>;
  destroy(): Promise<void>;
}

type Modules = Readonly<Partial<Record<Contender, string>>>;

const LOOP_MODULES: Modules = {
  sync: "sync",
  promises: "promises",
  tuned: "promises",
  shared: "shared",
  tinypool: "sync",
};

const READ_MODULES: Modules = {
  sync: "piscina-reads",
  copied: "piscina-reads",
  tinypool: "tinypool-reads",
};

async function startWorkers(
  contender: Contender,
  modules: Modules,
  workers: number,
  engine?: Engine,
): Promise<Pool> {
  const module = modules[contender];
  if (module === undefined) throw new Error(`${contender} has no workers for this`);
  const filename = new URL(`./workers/${module}.js`, import.meta.url).href;
  const options = { filename, minThreads: workers, maxThreads: workers };
  const { default: Pool } = await loadPool(contender === "tinypool" ? "tinypool" : "piscina");
  if (engine === undefined) return new Pool(options);
  const { withEngine } = await import("ringpost/piscina");
  return new Pool(withEngine(engine, options));
}

/** Not by a name that TypeScript knows: piscina's declarations don't stand up to `exactOptionalPropertyTypes`. */
function loadPool(name: string): Promise<{ default: new (options: unknown) => Pool }> {
  return import(name);
}

function workersOf({ contender, workers }: Rival): number {
  if (workers === undefined) throw new Error(`${contender} needs a number of workers`);
  return workers;
}

function toLoop(workload: string): LoopWorkload {
  if (workload in WORKLOADS && workload !== "offload") return workload as LoopWorkload; // just checked
  throw new Error(`${workload} is no loop`);
}
