/** What an open engine costs a process that asks nothing of it. */
import { promises, readdirSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { Engine } from "ringpost";
import { threadCpuNs } from "../thread-cpu.js";
import type { Measurement, Task, Trial, TrialCase } from "../trial.js";

const IDLE_MS = 5000;
const ENGINE = "an open engine";
const NO_ENGINE = "no engine";

const TASKS = "/proc/self/task";

interface ThreadUse {
  readonly sleeps: number;
  readonly cpuNs: number;
}

/** What some threads of this process have used so far, by /proc. */
function threadUse(threads: readonly string[]): ThreadUse {
  let sleeps = 0;
  let cpuNs = 0;
  for (const thread of threads) {
    const status = readFileSync(`${TASKS}/${thread}/status`, "utf8");
    sleeps += Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]);
    cpuNs += threadCpuNs(`${TASKS}/${thread}`);
  }
  return { sleeps, cpuNs };
}

async function measureIdle({ warmUpMs, measureMs, rival }: Task): Promise<Measurement> {
  // Node's pool starts all its threads at its first use: before the engine, to tell them apart.
  await promises.stat("/");
  const others = new Set(readdirSync(TASKS));
  const engine = rival === ENGINE ? await Engine.start() : undefined;
  const engineThreads = readdirSync(TASKS).filter((thread) => !others.has(thread));
  // An engine that has worked, not one that never woke up.
  await engine?.client.nop();
  await setTimeout(warmUpMs);

  const useAtStart = threadUse(engineThreads);
  const wakeupsAtStart = engine?.stats().wakeups ?? 0;
  // Last, so that the looking isn't counted.
  const cpuAtStart = process.cpuUsage();
  const startedAt = performance.now();
  await setTimeout(measureMs);
  const cpu = process.cpuUsage(cpuAtStart);
  const seconds = (performance.now() - startedAt) / 1e3;
  const ofProcess = { processCpuUsPerSecond: (cpu.user + cpu.system) / seconds };
  if (engine === undefined) return ofProcess;

  const use = threadUse(engineThreads);
  const wakeups = engine.stats().wakeups - wakeupsAtStart;
  await engine.close();
  return {
    ...ofProcess,
    wakeupsPerSecond: wakeups / seconds,
    sleepsPerSecond: (use.sleeps - useAtStart.sleeps) / seconds,
    engineCpuUsPerSecond: (use.cpuNs - useAtStart.cpuNs) / 1e3 / seconds,
  };
}

export const idle: Trial = {
  name: "idle",
  title: `Nothing to do for ${IDLE_MS / 1000} s`,
  rivals: [ENGINE, NO_ENGINE],
  ours: [],
  metrics: [
    { key: "wakeupsPerSecond", title: "engine wake-ups/s", digits: 2 },
    { key: "sleepsPerSecond", title: "context switches/s of its thread", digits: 2 },
    { key: "engineCpuUsPerSecond", title: "CPU µs/s of its thread", digits: 1 },
    { key: "processCpuUsPerSecond", title: "CPU µs/s of the process", digits: 1 },
  ],
  notMeasured: ["more than one engine, clients in several threads, energy"],
  measureMs: IDLE_MS,
  cases({ placements }): TrialCase[] {
    if (!placements.includes("free")) return [];
    const atMost = (metric: string, limit: number) => ({ metric, rival: ENGINE, atMost: limit });
    return [
      {
        title: "all CPUs free",
        parameters: {},
        pinned: false,
        goals: [
          atMost("wakeupsPerSecond", 5),
          atMost("sleepsPerSecond", 5),
          // "No measurable CPU": less than a thousandth of one.
          atMost("engineCpuUsPerSecond", 1000),
        ],
      },
    ];
  },
  measure: measureIdle,
};
