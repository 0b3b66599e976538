/** `npm run bench -- pooling`: the comparison with pools of workers. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { Progress } from "../progress.js";
import { describeSetup, type Setup } from "../report.js";
import {
  addReportOptions,
  endWith,
  outputFolder,
  type ReportOptions,
  toSetup,
} from "../report-command.js";
import { runCase } from "../rounds.js";
import { wholeNumbers } from "../whole-number.js";
import { withWorkFolder } from "../work-folder.js";
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

async function main(options: Options): Promise<void> {
  const out = outputFolder(options);
  const usual = options.quick ? QUICK : USUAL;
  const setup = toSetup(options, usual);
  const workers = options.workers ?? usual.workers;
  console.log(describeSetup(setup));
  mkdirSync(out, { recursive: true });
  const progress = new Progress("measurements");
  try {
    await withWorkFolder("ringpost-pooling-", async (folder, signal) => {
      for (const workload of options.workloads) {
        const around = { setup, folder, signal, progress, workers, contenders: options.contenders };
        const record = await measureWorkload(workload, around);
        if (record === undefined) continue;
        writeRecord(out, record);
        console.log(`\n${record.title}\n${linesOf(record).join("\n")}`);
      }
    });
    await writeReport(out);
    console.log(`\nThe report is ${join(out, "README.md")}`);
  } catch (error) {
    endWith(error);
  } finally {
    progress.end();
  }
}

interface Around {
  readonly setup: Setup;
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
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
