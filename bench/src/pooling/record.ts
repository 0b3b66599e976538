/** What is kept of a workload: all that the report is made of. One JSON file each, so that they can be measured one by one. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Setup } from "../report.js";
import { type CaseResult, judge, type Verdict, valuesOf } from "../rounds.js";
import type { Summary } from "../statistics.js";
import type { Measurement } from "../trial.js";
import { goalsOf } from "./goals.js";
import { parseRival, type Rival } from "./rivals.js";
import type { Tuning } from "./tuning.js";
import { type WorkloadName, workloadNames } from "./workloads.js";

export interface RivalRecord extends Rival {
  readonly name: string;
  /** Over the rounds, by metric. */
  readonly summary: Readonly<Record<string, Summary>>;
  readonly rounds: readonly Measurement[];
}

export interface WorkloadRecord {
  readonly workload: WorkloadName;
  readonly title: string;
  readonly setup: Setup;
  readonly tuning?: Tuning | undefined;
  readonly verdicts: readonly Verdict[];
  readonly rivals: readonly RivalRecord[];
}

export function toRecord(
  workload: WorkloadName,
  setup: Setup,
  result: CaseResult,
  tuning: Tuning | undefined,
): WorkloadRecord {
  const goals = goalsOf(workload, result);
  return {
    workload,
    title: result.trial.title,
    setup,
    tuning,
    verdicts: judge({ ...result, case: { ...result.case, goals } }),
    rivals: result.trial.rivals.map((name) => ({
      ...parseRival(name),
      name,
      summary: summariesOf(result, name),
      rounds: result.measurements[name] ?? [],
    })),
  };
}

function summariesOf(result: CaseResult, rival: string): Record<string, Summary> {
  return Object.fromEntries(
    result.trial.metrics.flatMap(({ key }) => {
      const summary = valuesOf(result, rival, key);
      return summary === undefined ? [] : [[key, summary]];
    }),
  );
}

export function writeRecord(folder: string, record: WorkloadRecord): void {
  writeFileSync(join(folder, `${record.workload}.json`), `${JSON.stringify(record, null, 2)}\n`);
}

/** All that are in the folder, in the order of the report. */
export function readRecords(folder: string): WorkloadRecord[] {
  const names = readdirSync(folder);
  return workloadNames
    .map((workload) => `${workload}.json`)
    .filter((name) => names.includes(name))
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as WorkloadRecord); // writeRecord wrote it
}
