/** A worker that connects, and times it. workerData: the engine's handle. */
import { performance } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";

/** In milliseconds. */
export interface ConnectTimes {
  readonly loadMs: number;
  readonly firstMs: number;
  readonly laterMs: readonly number[];
}

const LATER = 20;

async function timed<T>(work: () => Promise<T>): Promise<readonly [ms: number, result: T]> {
  const begunAt = performance.now();
  const result = await work();
  return [performance.now() - begunAt, result];
}

const [loadMs, { connect }] = await timed(() => import("ringpost"));
const connectTimed = () => timed(() => connect(workerData));

let [firstMs, client] = await connectTimed();
await client.nop();
const laterMs: number[] = [];
for (let nth = 0; nth < LATER; nth++) {
  await client.disconnect();
  const [ms, next] = await connectTimed();
  laterMs.push(ms);
  client = next;
  await client.nop();
}
parentPort?.postMessage({ loadMs, firstMs, laterMs } satisfies ConnectTimes);
