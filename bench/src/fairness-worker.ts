/** A worker of the trial "fairness", with one of its two clients. */
import { parentPort, workerData } from "node:worker_threads";
import { type ClientShare, connect, type EngineHandle } from "ringpost";
import { type ReadWork, readGreedily, readPolitely } from "./fairness-clients.js";

export interface FairnessWorkerInput {
  readonly role: "greedy" | "polite";
  readonly handle: EngineHandle;
  readonly share: ClientShare;
  readonly work: ReadWork;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** One word: not 0 when it is over. */
  readonly over: Int32Array;
}

const { role, handle, share, work, warmUpMs, measureMs, over } = workerData as FairnessWorkerInput; // fairness.ts
const client = await connect(handle, share);
const answer =
  role === "greedy"
    ? await readGreedily(client, work, () => Atomics.load(over, 0) !== 0)
    : await readPolitely(client, work, warmUpMs, measureMs);
await client.disconnect();
parentPort?.postMessage(answer);
