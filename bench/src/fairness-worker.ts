/** A worker of the trial "fairness", with one of its two clients, or with what takes the place of the greedy one. */
import { parentPort, workerData } from "node:worker_threads";
import { type ClientShare, connect, type EngineHandle } from "ringpost";
import { keepBusy, type ReadWork, readGreedily, readPolitely } from "./fairness-clients.js";

export interface FairnessWorkerInput {
  readonly role: "greedy" | "busy" | "polite";
  readonly handle: EngineHandle;
  readonly share: ClientShare;
  readonly work: ReadWork;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** One word: not 0 when it is over. */
  readonly over: Int32Array;
}

const { role, handle, share, work, warmUpMs, measureMs, over } = workerData as FairnessWorkerInput; // fairness.ts
const isOver = (): boolean => Atomics.load(over, 0) !== 0;

async function answer(): Promise<unknown> {
  if (role === "busy") return keepBusy(isOver);
  const client = await connect(handle, share);
  const answered =
    role === "greedy"
      ? await readGreedily(client, work, isOver)
      : await readPolitely(client, work, warmUpMs, measureMs);
  await client.disconnect();
  return answered;
}

parentPort?.postMessage(await answer());
