/**
 * The engine's thread. Its native half (native/src/engine.cc) does the work of stages 3 to 8 and sleeps in io_uring_enter. It comes
 * back to JavaScript now and then only for the thread to be ended.
 */
import { parentPort, workerData } from "node:worker_threads";
import {
  addon,
  type NativeEngine,
  type NativeEngineOptions,
  type StartRefusal,
} from "@ringpost/native";
import { RunResult } from "@ringpost/protocol";
import { threadNumber } from "./kernel-workers.js";

export interface WorkerInput {
  readonly memory: SharedArrayBuffer;
  readonly options: NativeEngineOptions;
}

/** What the kernel granted, or why not. */
export type WorkerOutput =
  | (Omit<NativeEngine, "run"> & {
      /** The engine's thread as the system numbers it (`top -H`, `taskset -p`); 0 without /proc. */
      readonly thread: number;
    })
  | StartRefusal;

function serve(engine: NativeEngine): void {
  // A function of its own: V8 looks whether the thread is to be terminated on entry to a function, but in a loop of few
  // rounds only after a while, and a round may be half a second.
  const serveOnce = (): boolean => engine.run() !== RunResult.STOPPED;
  while (serveOnce());
}

const { memory, options } = workerData as WorkerInput; // from Engine.start alone
const engine = addon.startEngine(new Uint8Array(memory), options);
if ("errno" in engine) {
  parentPort?.postMessage(engine satisfies WorkerOutput);
} else {
  const { run: _run, ...report } = engine;
  parentPort?.postMessage({ ...report, thread: threadNumber() } satisfies WorkerOutput);
  serve(engine);
}
