/** The report of all workloads, for people. */
import { formatNumber } from "../format-number.js";
import { describeSetup, type Setup } from "../report.js";
import type { Verdict } from "../rounds.js";
import type { Metric } from "../trial.js";
import type { RivalRecord, WorkloadRecord } from "./record.js";
import { CONTENDERS } from "./rivals.js";
import { isOurs, METRICS } from "./trial.js";
import { IN_FLIGHT_FROM_MAIN, IN_FLIGHT_PER_WORKER } from "./workloads.js";

/** @param overview the picture that shows all workloads, if there is one */
export function toMarkdown(records: readonly WorkloadRecord[], overview?: string): string {
  return [
    "# One engine for many workers, beside pools that read by themselves",
    ...(overview === undefined ? [] : [`![All workloads](${overview})`]),
    WHAT_A_TASK_IS,
    WHAT_IS_REPORTED,
    "## Goals and findings",
    "Each ratio is the median, over the rounds, of the ratio within a round.",
    table(
      ["workload", "what", "against", "in", "ratio", "goal", ""],
      records.flatMap((record) =>
        record.verdicts.map((verdict) => [record.workload, ...verdictCells(verdict)]),
      ),
    ),
    ...records.map(sectionOf),
    "## Not measured",
    NOT_MEASURED,
    "",
  ].join("\n\n");
}

const WHAT_A_TASK_IS = `## What a task is

**Loops inside the worker** (all workloads but \`offload\`): each worker has one task, which does operations for as long as a measurement
takes, its share of the work. Synchronous fs has one operation under way in each worker, fs/promises and ringpost ${IN_FLIGHT_PER_WORKER}; *ringpost,
main thread* has no pool, and ${IN_FLIGHT_FROM_MAIN} operations under way. Latency is that of one operation among those.

**Offload**: one task is one read of 4 KiB by synchronous fs in a worker, and the main thread gets the bytes and looks at them. It has
${IN_FLIGHT_FROM_MAIN} tasks under way. The bytes are moved (transferred), as piscina's README advises, or copied by the message. *ringpost, main thread* reads them
itself, into memory of its own, ${IN_FLIGHT_FROM_MAIN} reads under way.

Every read is looked at: each block of the file begins with its number. Files lie in the temporary folder (TMPDIR), on its disk; those that are to be
in the page cache are read once before the warm-up and once right before the measurement. Appends go to a file of each thread's own, at its end: one
write and one fdatasync each, in ringpost as one chain. The warm-up takes longer where workers outnumber CPUs.`;

const WHAT_IS_REPORTED = `Operations are those of all threads. CPU is that of the whole process: its workers, its engine, the kernel's threads for it. Resident memory
(RSS) and threads are those at the end of a measurement, with pool and engine still there; "beyond bare Node" leaves out what the process had
before them. The main loop's delay is the 99th percentile of how much later than asked a timer of 1 ms fires in the main thread.`;

const NOT_MEASURED = `Open loops (tasks at a given rate), files that the page cache doesn't hold but in \`direct\`, writes in the page cache, tasks that do more work than a
SHA-256, pools that grow and shrink, other options of the pools (\`concurrentTasksPerWorker\`, \`atomics\`), more than one engine.`;

/** For a terminal. */
export function verdictLine(verdict: Verdict): string {
  const [rival, against, title, ratio, limit, word] = verdictCells(verdict);
  return `  ${word}: ${rival} is ${ratio} × ${against} in ${title}${limit === "" ? "" : `, to be ${limit}`}`;
}

function verdictCells({ goal, reached, isMet }: Verdict): string[] {
  const { rival, against = "", metric, atLeast, atMost } = goal;
  const limit =
    atLeast !== undefined
      ? `≥ ${formatNumber(atLeast, 2)}`
      : atMost !== undefined
        ? `≤ ${formatNumber(atMost, 2)}`
        : "";
  const ratio =
    reached === undefined
      ? ""
      : `${formatNumber(reached.median, 2)} (${formatNumber(reached.least, 2)} – ${formatNumber(reached.most, 2)})`;
  const title = METRICS.find(({ key }) => key === metric)?.title ?? metric;
  const verdict = limit === "" ? "finding" : isMet ? "reached" : "**missed**";
  return [rival, against, title, ratio, limit, verdict];
}

function sectionOf(record: WorkloadRecord): string {
  return [
    `## ${record.workload}: ${record.title}`,
    ...(record.tuning === undefined ? [] : [tuningLine(record.tuning)]),
    `![${record.title}](${record.workload}.svg)`,
    tableOf(record.rivals),
    setupLines(record.setup),
  ].join("\n\n");
}

function tuningLine({ workers, tried, best }: NonNullable<WorkloadRecord["tuning"]>): string {
  const sizes = tried.map(
    ({ threadPoolSize, opsPerSecond }) =>
      `${threadPoolSize}: ${formatNumber(opsPerSecond?.median ?? 0, 0)}/s`,
  );
  return `UV_THREADPOOL_SIZE at its best is ${best} (with ${workers} workers; ${sizes.join(", ")}).`;
}

function tableOf(rivals: readonly RivalRecord[]): string {
  const metrics = METRICS.filter(({ isDetail }) => isDetail !== true);
  return table(
    ["engine", "workers", ...metrics.map(({ title }) => title)],
    rivals.map((rival) => [
      nameOf(rival),
      rival.workers === undefined ? "–" : String(rival.workers),
      ...metrics.map((metric) => cell(rival, metric)),
    ]),
  );
}

function nameOf({ contender }: RivalRecord): string {
  const title = CONTENDERS[contender];
  return isOurs(contender) ? `**${title}**` : title;
}

function cell({ summary }: RivalRecord, { key, digits }: Metric): string {
  const value = summary[key]?.median;
  return value === undefined ? "" : formatNumber(value, digits);
}

function setupLines(setup: Setup): string {
  return describeSetup(setup)
    .split("\n")
    .map((line) => `> ${line}`)
    .join("  \n");
}

/** Text stands left, numbers stand right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumeric = head.map((_, column) => rows.every((row) => /^[\d–]/.test(row[column] ?? "")));
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = isNumeric.map((numeric) => (numeric ? "--:" : ":--"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}
