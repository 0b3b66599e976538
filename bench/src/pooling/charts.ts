/** A picture per workload: what all engines reach with all numbers of workers, and what it costs. */
import type { Chart, Row, Series } from "../chart.js";
import type { RivalRecord, WorkloadRecord } from "./record.js";
import { CONTENDERS, contenders } from "./rivals.js";
import { isOurs } from "./trial.js";

const PANELS: readonly { readonly metric: string; readonly title: string }[] = [
  { metric: "opsPerSecond", title: "Operations per second (more is better)" },
  { metric: "cpuSecondsPerMillion", title: "CPU seconds per million operations (less is better)" },
  { metric: "p99Us", title: "p99 of one operation, µs (less is better)" },
  { metric: "rssMiB", title: "Resident memory, MiB (less is better)" },
];
const PANEL_HEIGHT = 150;

const OVERVIEW_WORKERS = 4;

const SERIES = contenders.map(
  (contender): Series => ({
    name: CONTENDERS[contender],
    tone: isOurs(contender) ? "ours" : contender === "tinypool" ? "reference" : "rival",
  }),
);

export function chartOf({ title, setup, rivals }: WorkloadRecord): Chart {
  const { machine, rounds, measureMs } = setup;
  return {
    title,
    subtitle: `Medians of ${rounds} rounds of ${measureMs} ms; Linux ${machine.kernel}, Node ${machine.node}, ${machine.cpuCount} CPUs, commit ${machine.commit}`,
    xTitle: "",
    yTitle: "",
    series: SERIES,
    rows: PANELS.flatMap((panel) => inColumns(rivals).flatMap((rival) => rowOf(rival, panel))),
    height: PANEL_HEIGHT,
  };
}

/** One for all: operations per second of the loops, as multiples of those of piscina + fs/promises. */
export function overviewOf(records: readonly WorkloadRecord[]): Chart {
  return {
    title: `Operations per second, × ${CONTENDERS.promises}`,
    subtitle: `Loops inside ${OVERVIEW_WORKERS} workers, and from the main thread without a pool; logarithmic scale`,
    xTitle: "",
    yTitle: "times as many",
    series: SERIES,
    rows: records.flatMap(relativeRows),
    scale: "log",
  };
}

function relativeRows({ workload, rivals }: WorkloadRecord): Row[] {
  const shown = rivals.filter(
    ({ workers, contender }) =>
      (workers ?? OVERVIEW_WORKERS) === OVERVIEW_WORKERS && contender !== "tinypool",
  );
  const speedOf = ({ summary }: RivalRecord): number => summary.opsPerSecond?.median ?? 0;
  const base = shown.find(({ contender }) => contender === "promises");
  if (base === undefined) return [];
  return shown.map((rival) => ({
    x: workload,
    series: CONTENDERS[rival.contender],
    value: speedOf(rival) / speedOf(base),
  }));
}

/** Few workers first; what has no pool stands last. */
function inColumns(rivals: readonly RivalRecord[]): RivalRecord[] {
  return [...rivals].sort((a, b) => (a.workers ?? Infinity) - (b.workers ?? Infinity));
}

function rowOf(
  { contender, workers, summary }: RivalRecord,
  panel: (typeof PANELS)[number],
): Row[] {
  const value = summary[panel.metric];
  if (value === undefined) return [];
  const x = workers === undefined ? "no pool" : workers === 1 ? "1 worker" : `${workers} workers`;
  const { median, least, most } = value;
  return [{ x, series: CONTENDERS[contender], value: median, least, most, panel: panel.title }];
}
