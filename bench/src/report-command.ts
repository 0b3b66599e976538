/** What the commands that write a report of their own have in common: how long they measure, where the report goes, how they end. */
import { randomInt } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { describeMachine } from "./machine.js";
import { Progress } from "./progress.js";
import { describeSetup, type Setup } from "./report.js";
import { wholeNumber } from "./whole-number.js";
import { Interrupted, withWorkFolder } from "./work-folder.js";

export interface Times {
  readonly rounds: number;
  /** Milliseconds. */
  readonly ms: number;
  readonly warmUp: number;
}

export interface ReportOptions extends Partial<Times> {
  readonly quick?: boolean;
  readonly out: string;
  readonly seed?: number;
}

/** What there is to measure with, and to write the report. */
export interface ReportRun {
  readonly setup: Setup;
  /** For files that are measured with; gone afterwards. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Where the report goes. */
  readonly out: string;
}

const LONGEST_MS = 600_000;

/** @param results where the report goes if nobody says otherwise */
export function addReportOptions(command: Command, usual: Times, results: string): Command {
  return command
    .option(
      "--rounds <n>",
      `measurements of each rival (default: ${usual.rounds})`,
      wholeNumber(1, 1000),
    )
    .option(
      "--ms <n>",
      `time of one measurement (default: ${usual.ms})`,
      wholeNumber(1, LONGEST_MS),
    )
    .option(
      "--warm-up <ms>",
      `time before it that doesn't count (default: ${usual.warmUp})`,
      wholeNumber(0, LONGEST_MS),
    )
    .option("--quick", "less of each, where it isn't given")
    .option("--out <dir>", "where the report goes", results)
    .addOption(
      new Option("--seed <n>", "of everything random (default: a new one)")
        .argParser(wholeNumber(0, 2 ** 31 - 1))
        .env("RINGPOST_SEED"),
    );
}

/** Measures and writes the report, as `run` does it; without one, the command ends and says why. */
export async function runReport(
  name: string,
  options: ReportOptions,
  usual: Times,
  run: (around: ReportRun) => Promise<void>,
): Promise<void> {
  const setup = toSetup(options, usual);
  const out = outputFolder(options);
  console.log(describeSetup(setup));
  mkdirSync(out, { recursive: true });
  const progress = new Progress("measurements");
  try {
    await withWorkFolder(`ringpost-${name}-`, (folder, signal) =>
      run({ setup, folder, signal, progress, out }),
    );
    console.log(`\nThe report is ${join(out, "README.md")}`);
  } catch (error) {
    endWith(error);
  } finally {
    progress.end();
  }
}

function toSetup(options: ReportOptions, usual: Times): Setup {
  return {
    machine: describeMachine(),
    seed: options.seed ?? randomInt(2 ** 31 - 1),
    rounds: options.rounds ?? usual.rounds,
    measureMs: options.ms ?? usual.ms,
    warmUpMs: options.warmUp ?? usual.warmUp,
  };
}

/** npm runs scripts in the folder of its package.json, and says where it was called. */
function outputFolder({ out }: ReportOptions): string {
  return resolve(process.env.INIT_CWD ?? "", out);
}

/** The command ends, and says why. */
function endWith(error: unknown): void {
  if (!(error instanceof Error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
}
