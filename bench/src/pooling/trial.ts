/** A workload of the comparison as a trial with one case, whose rivals are all the engines with all the numbers of workers. */
import { LOOP_METRICS } from "../closed-loop.js";
import { ENGINE_DETAILS } from "../engine-details.js";
import type { Metric, Trial } from "../trial.js";
import { measureRival } from "./measure.js";
import { type Contender, parseRival, type Rival, rivalName } from "./rivals.js";
import { type WorkloadName, workloadNamed } from "./workloads.js";

export const METRICS: readonly Metric[] = [
  ...LOOP_METRICS.filter(({ key }) => key !== "cpuUsPerOp"), // the whole process's is below
  { key: "cpuSecondsPerMillion", title: "CPU s / million ops", digits: 2 },
  { key: "rssMiB", title: "RSS MiB", digits: 0 },
  { key: "addedRssMiB", title: "RSS beyond bare Node, MiB", digits: 0 },
  { key: "loopDelayP99Ms", title: "main loop's delay p99 ms", digits: 2 },
  { key: "threads", title: "threads", digits: 0 },
  { key: "opsPerCpuSecond", title: "ops per CPU second", digits: 0, isDetail: true },
  ...ENGINE_DETAILS,
];

/** Tinypool is there once, for reference: with this many workers, or the nearest that is asked for. */
const REFERENCE_WORKERS = 4;

export interface Selection {
  readonly contenders: readonly Contender[];
  readonly workers: readonly number[];
  /** UV_THREADPOOL_SIZE of the tuned rivals; undefined: there are none. */
  readonly threadPoolSize?: number | undefined;
}

export function rivalsOf(workload: WorkloadName, selection: Selection): Rival[] {
  const able = workloadNamed(workload).contenders;
  return able
    .filter((contender) => selection.contenders.includes(contender))
    .flatMap((contender): Rival[] => {
      switch (contender) {
        case "main":
          return [{ contender }];
        case "tinypool":
          return [{ contender, workers: nearest(selection.workers, REFERENCE_WORKERS) }];
        case "tuned":
          return selection.threadPoolSize === undefined ? [] : withEach(contender, selection);
        default:
          return withEach(contender, { workers: selection.workers });
      }
    });
}

function withEach(
  contender: Contender,
  { workers, threadPoolSize }: Omit<Selection, "contenders">,
): Rival[] {
  return workers.map((count) => ({ contender, workers: count, threadPoolSize }));
}

/** The number of those given that is nearest; the smaller of two. */
export function nearest(numbers: readonly number[], wanted: number): number {
  const sorted = [...numbers].sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted) || a - b);
  return sorted[0] ?? wanted;
}

export function poolingTrial(workload: WorkloadName, rivals: readonly Rival[]): Trial {
  const { title, makeFixture } = workloadNamed(workload);
  const names = rivals.map(rivalName);
  return {
    name: workload,
    title,
    rivals: names,
    ours: names.filter((name) => isOurs(parseRival(name).contender)),
    metrics: METRICS,
    notMeasured: [],
    childEntry: new URL("./child.js", import.meta.url),
    environmentOf(rival) {
      const { threadPoolSize } = parseRival(rival);
      return threadPoolSize === undefined ? {} : { UV_THREADPOOL_SIZE: String(threadPoolSize) };
    },
    cases: () => [{ title: "all CPUs free", parameters: {}, pinned: false, goals: [] }],
    ...(makeFixture === undefined ? {} : { makeFixture }),
    measure: measureRival,
  };
}

export function isOurs(contender: Contender): boolean {
  return contender === "main" || contender === "shared";
}
