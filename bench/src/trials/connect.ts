/** What it costs a worker to connect to an engine that is there. */
import { once } from "node:events";
import { createHistogram, performance } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import { Engine, type EngineHandle } from "ringpost";
import {
  type Measurement,
  PLACEMENT_TITLES,
  type Task,
  type Trial,
  type TrialCase,
} from "../trial.js";
import type { ConnectTimes } from "./connect-worker.js";

/** A worker takes tens of milliseconds to start, and has one first connect. */
const MEASURE_MS = 5000;
const CONNECT = "connect(handle)";
const NS_PER_MS = 1e6;

/** As it is built, also for those who run the sources. */
const WORKER = new URL("../../dist/trials/connect-worker.js", import.meta.url);

async function timesOfWorker(handle: EngineHandle): Promise<ConnectTimes> {
  const worker = new Worker(WORKER, { workerData: handle });
  const [[times]] = await Promise.all([once(worker, "message"), once(worker, "exit")]);
  return times as ConnectTimes; // its one message
}

class Times {
  readonly #histogramNs = createHistogram();

  record(ms: number): void {
    this.#histogramNs.record(Math.max(1, Math.round(ms * NS_PER_MS)));
  }

  percentileMs(nth: number): number {
    return this.#histogramNs.percentile(nth) / NS_PER_MS;
  }
}

async function measureConnect({ warmUpMs, measureMs }: Task): Promise<Measurement> {
  const engine = await Engine.start();
  try {
    for (const until = performance.now() + warmUpMs; performance.now() < until; ) {
      await timesOfWorker(engine.handle());
    }
    const [first, later, loading] = [new Times(), new Times(), new Times()];
    let workers = 0;
    for (const until = performance.now() + measureMs; performance.now() < until; workers++) {
      const { firstMs, laterMs, loadMs } = await timesOfWorker(engine.handle());
      first.record(firstMs);
      for (const ms of laterMs) later.record(ms);
      loading.record(loadMs);
    }
    return {
      firstP50Ms: first.percentileMs(50),
      firstP99Ms: first.percentileMs(99),
      laterP50Ms: later.percentileMs(50),
      laterP99Ms: later.percentileMs(99),
      loadP50Ms: loading.percentileMs(50),
      workers,
    };
  } finally {
    await engine.close();
  }
}

export const connect: Trial = {
  name: "connect",
  title: "A client for a worker",
  rivals: [CONNECT],
  ours: [],
  metrics: [
    { key: "firstP50Ms", title: "p50 ms, a worker's first", digits: 3 },
    { key: "firstP99Ms", title: "p99 ms", digits: 3 },
    { key: "laterP50Ms", title: "p50 ms, later ones", digits: 3 },
    { key: "laterP99Ms", title: "p99 ms", digits: 3 },
    { key: "loadP50Ms", title: "ms to import ringpost, before", digits: 1, isDetail: true },
    { key: "workers", title: "workers", digits: 0, isDetail: true },
  ],
  notMeasured: ["workers that connect at the same time, what ending a client costs"],
  measureMs: MEASURE_MS,
  cases({ placements }): TrialCase[] {
    return placements.map((placement) => ({
      title: PLACEMENT_TITLES[placement],
      parameters: {},
      pinned: placement === "pinned",
      goals: ["firstP99Ms", "laterP99Ms"].map((metric) => ({ metric, rival: CONNECT, atMost: 1 })),
    }));
  },
  measure: measureConnect,
};
