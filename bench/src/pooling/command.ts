/** `npm run bench -- pooling`: the comparison with pools of workers. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import {
  addReportOptions,
  type ReportOptions,
  type ReportRun,
  runReport,
} from "../report-command.js";
import { runCase } from "../rounds.js";
import { wholeNumbers } from "../whole-number.js";
import { toMarkdown, verdictLine } from "./markdown.js";
import { readRecords, toRecord, type WorkloadRecord, writeRecord } from "./record.js";
import { type Contender, contenders } from "./rivals.js";
import { nearest, poolingTrial, rivalsOf } from "./trial.js";
import { tuneThreadPool } from "./tuning.js";
import { WORKLOADS, type WorkloadName, workloadNames } from "./workloads.js";

interface Options extends ReportOptions {
  readonly workloads: WorkloadName[];
  readonly contenders: Contender[];
  readonly workers?: number[];
}

const MOST_WORKERS = 64;
const TUNING_WORKERS = 4;

/** All workloads take half an hour, and less than ten minutes with --quick. */
const USUAL = { workers: [1, 2, 4, 8], rounds: 5, ms: 1200, warmUp: 400 };
const QUICK = { workers: [4, 8], rounds: 3, ms: 500, warmUp: 300 };

const OVERVIEW = "overview.svg";
const RESULTS = fileURLToPath(new URL("../../results/pooling", import.meta.url));

export const poolingCommand: Command = new Command("pooling")
  .description("Compares ringpost with pools of workers: piscina, tinypool.")
  .option("--workloads <list>", `of ${workloadNames.join(", ")}`, listOf(workloadNames), [
    ...workloadNames,
  ])
  .option("--contenders <list>", `of ${contenders.join(", ")}`, listOf(contenders), [...contenders])
  .option(
    "--workers <list>",
    "numbers of workers (default: 1,2,4,8)",
    wholeNumbers(1, MOST_WORKERS),
  );

addReportOptions(poolingCommand, USUAL, RESULTS).action(main);

function main(options: Options): Promise<void> {
  const usual = options.quick ? QUICK : USUAL;
  const { contenders, workers = usual.workers } = options;
  return runReport("pooling", options, usual, async (run) => {
    for (const workload of options.workloads) {
      const record = await measureWorkload(workload, { ...run, workers, contenders });
      if (record === undefined) continue;
      writeRecord(run.out, record);
      console.log(`\n${record.title}\n${linesOf(record).join("\n")}`);
    }
    await writeReport(run.out);
  });
}

interface Around extends ReportRun {
  readonly workers: readonly number[];
  readonly contenders: readonly Contender[];
}

/** Returns undefined where none of the contenders can do it. */
async function measureWorkload(
  workload: WorkloadName,
  { setup, folder, signal, progress, workers, contenders }: Around,
): Promise<WorkloadRecord | undefined> {
  if (!WORKLOADS[workload].contenders.some((able) => contenders.includes(able))) return undefined;
  progress.begin(`${workload}: making files, finding the best UV_THREADPOOL_SIZE`, 1);
  WORKLOADS[workload].makeFixture?.(folder, setup.seed);
  const options = { ...setup, folder, cpu: undefined, signal };

  const isTuned = WORKLOADS[workload].contenders.includes("tuned") && contenders.includes("tuned");
  const tuning = isTuned
    ? await tuneThreadPool(workload, nearest(workers, TUNING_WORKERS), {
        ...options,
        rounds: Math.ceil(setup.rounds / 3),
        onMeasured: () => undefined,
      })
    : undefined;

  const rivals = rivalsOf(workload, { contenders, workers, threadPoolSize: tuning?.best });
  const trial = poolingTrial(workload, rivals);
  const [all] = trial.cases({ depths: [], placements: ["free"] });
  if (all === undefined) return undefined;
  progress.begin(workload, rivals.length * setup.rounds);
  let measured = 0;
  const onMeasured = (): void => progress.update(++measured);
  const result = await runCase(trial, all, { ...options, onMeasured });
  progress.end();
  return toRecord(workload, setup, result, tuning);
}

function linesOf({ rivals, verdicts }: WorkloadRecord): string[] {
  return [
    ...rivals.map(({ name, summary }) => {
      const speed = Math.round(summary.opsPerSecond?.median ?? 0).toLocaleString("en");
      return `  ${speed.padStart(10)} ops/s  ${name}`;
    }),
    ...verdicts.map(verdictLine),
  ];
}

async function writeReport(out: string): Promise<void> {
  // Only now: these load Vega, which nothing else needs.
  const { groupedBars } = await import("../chart.js");
  const { chartOf, overviewOf } = await import("./charts.js");
  const records = readRecords(out);
  const overview = overviewOf(records);
  const hasOverview = overview.rows.length > 0;
  if (hasOverview) writeFileSync(join(out, OVERVIEW), await groupedBars(overview));
  writeFileSync(join(out, "README.md"), toMarkdown(records, hasOverview ? OVERVIEW : undefined));
  for (const record of records) {
    writeFileSync(join(out, `${record.workload}.svg`), await groupedBars(chartOf(record)));
  }
}

function listOf<T extends string>(known: readonly T[]): (list: string) => T[] {
  return (list) =>
    list.split(",").map((name) => {
      const found = known.find((one) => one === name);
      if (found !== undefined) return found;
      throw new InvalidArgumentError(`${name} is none of ${known.join(", ")}.`);
    });
}
