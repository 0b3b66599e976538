/**
 * The engine's thread. Its native half (native/src/engine.cc) does the work of stages 3 to 7 and sleeps in io_uring_enter.
 *
 * Stage 8 of 9, engine thread: back in JavaScript only to wake clients that sleep in `Atomics.waitAsync`. V8 keeps its own list
 * of waiters, so native code can't; once per client and round, however many replies there are.
 */
import { parentPort, workerData } from "node:worker_threads";
import { notifyFlag, readGeometry } from "@ringpost/mailbox";
import {
  addon,
  type NativeEngine,
  type NativeEngineOptions,
  type StartRefusal,
} from "@ringpost/native";
import { EngineWord, MailboxWord, RunResult } from "@ringpost/protocol";
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

function serve(engine: NativeEngine, memory: SharedArrayBuffer): void {
  const words = new Int32Array(memory);
  const { mailboxesOffset, mailboxBytes } = readGeometry(memory);
  const parkedWordOf = (client: number): number =>
    (mailboxesOffset + client * mailboxBytes) / 4 + MailboxWord.PARKED;

  // A function of its own: V8 looks whether the thread is to be terminated on entry to a function, but in a loop of few
  // rounds only after a while, and a round may be half a second.
  const serveOnce = (): boolean => {
    const count = engine.run();
    for (let nth = 0; nth < count; nth++) {
      notifyFlag(words, parkedWordOf(words[EngineWord.NOTIFY_LIST + nth]!));
    }
    return count !== RunResult.STOPPED;
  };
  while (serveOnce());
}

const { memory, options } = workerData as WorkerInput; // from Engine.start alone
const engine = addon.startEngine(new Uint8Array(memory), options);
if ("errno" in engine) {
  parentPort?.postMessage(engine satisfies WorkerOutput);
} else {
  const { run: _run, ...report } = engine;
  parentPort?.postMessage({ ...report, thread: threadNumber() } satisfies WorkerOutput);
  serve(engine, memory);
}
