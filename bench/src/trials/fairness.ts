/** What a client that makes one request at a time notices of another that has thousands of them queued. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type ClientShare, connect, Engine } from "ringpost";
import { LOOP_METRICS } from "../closed-loop.js";
import {
  FILE_BYTES,
  keepBusy,
  type ReadWork,
  readGreedily,
  readPolitely,
} from "../fairness-clients.js";
import type { FairnessWorkerInput } from "../fairness-worker.js";
import {
  type Goal,
  type Measurement,
  type Metric,
  parameterOf,
  type Task,
  type Trial,
  type TrialCase,
} from "../trial.js";
import { warmFile } from "../warm-file.js";

const ALONE = "alone";
/** What the scheduler alone does to the polite one, where there are fewer CPUs than threads that want one. */
const BESIDE_BUSY = "beside a thread that computes";
const BESIDE = "beside the greedy one";

const ALL_CREDITS = 256;
const FEW_CREDITS = 8;
const MOST_RATIO = 3;

const goals: readonly Goal[] = [
  { metric: "p99Us", rival: BESIDE, against: ALONE, atMost: MOST_RATIO },
];

const metricsFirst = ["p99Us", "p50Us"];
const metrics: readonly Metric[] = [
  ...metricsFirst.map((key) => LOOP_METRICS.find((metric) => metric.key === key)!),
  ...LOOP_METRICS.filter(({ key }) => !metricsFirst.includes(key) && key !== "cpuUsPerOp"),
  { key: "greedyPerSecond", title: "the greedy one's ops/s", digits: 0 },
];

const pathIn = (folder: string): string => join(folder, "fairness.dat");

function caseOf(
  place: "main" | "worker",
  isDirect: boolean,
  greedyCredits: number,
  reached: readonly Goal[],
  hotReads = true,
): TrialCase {
  const reads = `${isDirect ? "O_DIRECT" : "cached"}${hotReads ? "" : ", all through the ring"}`;
  const other = place === "main" ? "a worker" : "the main thread";
  const limit = greedyCredits < ALL_CREDITS ? ` with ${greedyCredits} credits` : "";
  return {
    title: `${reads}, polite in ${place === "main" ? "the main thread" : "a worker"}, greedy in ${other}${limit}`,
    parameters: {
      inWorker: place === "worker" ? 1 : 0,
      isDirect: isDirect ? 1 : 0,
      greedyCredits,
      hotReads: hotReads ? 1 : 0,
    },
    pinned: false,
    goals: reached,
  };
}

/** One client in a worker; of the built files, since the tests of the trials run their sources. */
async function inWorker<T>(input: FairnessWorkerInput): Promise<T> {
  const worker = new Worker(new URL("../../dist/fairness-worker.js", import.meta.url), {
    workerData: input,
  });
  const [answer] = (await once(worker, "message")) as [T];
  return answer;
}

async function measureFairness(task: Task): Promise<Measurement> {
  const { folder, seed, warmUpMs, measureMs } = task;
  const path = pathIn(folder);
  const isDirect = parameterOf(task, "isDirect") === 1;
  if (!isDirect) warmFile(path);
  const work: ReadWork = { path, isDirect, seed };
  const greedyWork: ReadWork = { path, isDirect, seed: seed + 1 };
  const share: ClientShare = { credits: parameterOf(task, "greedyCredits") };
  const over = new Int32Array(new SharedArrayBuffer(4));
  const hotReads = parameterOf(task, "hotReads") === 1;
  const engine = await Engine.start({ credits: ALL_CREDITS, hotReads });
  const politeInWorker = parameterOf(task, "inWorker") === 1;
  const input = { handle: engine.handle(), warmUpMs, measureMs, over };

  const isOver = (): boolean => Atomics.load(over, 0) !== 0;
  const others: Record<string, () => Promise<number | undefined>> = {
    [ALONE]: async () => undefined,
    [BESIDE_BUSY]: () =>
      politeInWorker
        ? keepBusy(isOver).then(() => undefined)
        : inWorker({ ...input, role: "busy", share, work: greedyWork }),
    [BESIDE]: () =>
      politeInWorker
        ? connect(engine.handle(), share).then((client) => readGreedily(client, greedyWork, isOver))
        : inWorker({ ...input, role: "greedy", share, work: greedyWork }),
  };
  const other = others[task.rival]?.();
  const polite = politeInWorker
    ? await inWorker<Measurement>({ ...input, role: "polite", share: {}, work })
    : await readPolitely(engine.client, work, warmUpMs, measureMs);
  Atomics.store(over, 0, 1);
  const greedyPerSecond = await other;
  await engine.close();
  return greedyPerSecond === undefined ? polite : { ...polite, greedyPerSecond };
}

export const fairness: Trial = {
  name: "fairness",
  title: "Reads of 4 KiB, one at a time, beside a client that keeps 10,000 of them queued",
  rivals: [ALONE, BESIDE_BUSY, BESIDE],
  ours: [BESIDE],
  metrics,
  notMeasured: ["more than two clients, weights, writes, requests of different sizes"],
  cases({ placements }): TrialCase[] {
    if (!placements.includes("free")) return [];
    return [
      caseOf("main", false, ALL_CREDITS, goals),
      caseOf("worker", false, ALL_CREDITS, goals),
      caseOf("main", false, ALL_CREDITS, goals, false),
      caseOf("main", true, ALL_CREDITS, []),
      caseOf("main", true, FEW_CREDITS, []),
    ];
  },
  makeFixture(folder): void {
    writeFileSync(pathIn(folder), Buffer.alloc(FILE_BYTES, 1), { flush: true });
  },
  measure: measureFairness,
};
