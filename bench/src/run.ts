/** `npm run bench`: runs trials, and reports what they came to. */
import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { articleCommand } from "./article/command.js";
import { cpuToPinTo, describeMachine } from "./machine.js";
import { poolingCommand } from "./pooling/command.js";
import { Progress } from "./progress.js";
import { describeSetup, notMeasuredLines, reportCase, type Setup, toJson } from "./report.js";
import { type CaseResult, runCase } from "./rounds.js";
import type { Choices, Trial, TrialCase } from "./trial.js";
import { trials } from "./trials/index.js";
import { wholeNumber, wholeNumbers } from "./whole-number.js";
import { Interrupted, withWorkFolder } from "./work-folder.js";

interface Options {
  readonly rounds: number;
  readonly ms: number;
  readonly warmUp: number;
  readonly depths: number[];
  readonly json?: string;
  /** Only pinned, only free; undefined for both. */
  readonly pin?: boolean;
  readonly seed?: number;
}

const LONGEST_MS = 600_000;

const command = new Command("npm run bench --")
  .description("Measures ringpost beside node:fs, each measurement in a child process.")
  .argument("[names...]", `trials to run, of ${trials.map(({ name }) => name).join(", ")}; all`)
  .option("--rounds <n>", "measurements of each rival", wholeNumber(1, 1000), 5)
  .option("--ms <n>", "time of one measurement", wholeNumber(1, LONGEST_MS), 1500)
  .option("--warm-up <ms>", "time before it that doesn't count", wholeNumber(0, LONGEST_MS), 500)
  .option(
    "--depths <list>",
    "requests in flight, where a trial varies them",
    wholeNumbers(1, 4096),
    [32],
  )
  .option("--json <file>", "writes all measurements to a file, too")
  .option("--pin", "only with all threads on one CPU (default: with and without)")
  .option("--no-pin", "only with all CPUs free")
  .addOption(
    new Option("--seed <n>", "of everything random (default: a new one)")
      .argParser(wholeNumber(0, 2 ** 31 - 1))
      .env("RINGPOST_SEED"),
  )
  .action(main)
  .enablePositionalOptions()
  .addCommand(poolingCommand)
  .addCommand(articleCommand);

await command.parseAsync();

async function main(names: string[], options: Options): Promise<void> {
  const chosen = chooseTrials(names);
  try {
    await withWorkFolder("ringpost-bench-", (folder, signal) =>
      runTrials(chosen, options, folder, signal),
    );
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
  }
}

async function runTrials(
  chosen: readonly Trial[],
  options: Options,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const cpu = cpuToPinTo();
  const choices = toChoices(options, cpu);
  const setup: Setup = {
    machine: describeMachine(),
    seed: options.seed ?? randomInt(2 ** 31 - 1),
    rounds: options.rounds,
    measureMs: options.ms,
    warmUpMs: options.warmUp,
  };
  console.log(describeSetup(setup));
  const progress = new Progress("measurements");
  const results: CaseResult[] = [];
  const missing = cpu === undefined ? ["anything pinned to one CPU: taskset is missing"] : [];
  for (const trial of chosen) {
    const cases = trial.cases(choices);
    if (cases.length === 0) missing.push(`${trial.name}: no case of it is as the options want`);
    else trial.makeFixture?.(folder, setup.seed);
    for (const trialCase of cases) {
      try {
        results.push(await runShown(trial, trialCase));
      } catch (error) {
        signal.throwIfAborted();
        // The other cases may well work, and their results are wanted.
        process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
        process.exitCode = 1;
        missing.push(`${trial.name}, ${trialCase.title}: it failed`);
      }
    }
  }
  const notMeasured = notMeasuredLines(results, missing);
  console.log(`\nNot measured:\n${notMeasured.map((line) => `  ${line}`).join("\n")}`);
  if (options.json !== undefined) writeFileSync(options.json, toJson(setup, results, notMeasured));

  async function runShown(trial: Trial, trialCase: TrialCase): Promise<CaseResult> {
    progress.begin(`${trial.name}, ${trialCase.title}`, options.rounds * trial.rivals.length);
    let measured = 0;
    try {
      const onMeasured = (): void => progress.update(++measured);
      const result = await runCase(trial, trialCase, {
        ...setup,
        folder,
        cpu,
        signal,
        onMeasured,
      });
      progress.end();
      console.log(`\n${reportCase(result)}`);
      return result;
    } finally {
      progress.end();
    }
  }
}

function chooseTrials(names: readonly string[]): readonly Trial[] {
  const unknown = names.filter((name) => trials.every((trial) => trial.name !== name));
  if (unknown.length > 0) {
    const known = trials.map(({ name }) => name).join(", ");
    command.error(`error: no trial is called ${unknown.join(", ")}; there are ${known}`);
  }
  return names.length === 0 ? trials : trials.filter(({ name }) => names.includes(name));
}

function toChoices({ pin, depths }: Options, cpu: number | undefined): Choices {
  if (pin === true && cpu === undefined) {
    throw new Error("Pinning needs taskset, which is not on the PATH (package util-linux)");
  }
  const placements: Choices["placements"][number][] = [];
  if (pin !== true) placements.push("free");
  if (pin !== false && cpu !== undefined) placements.push("pinned");
  return { depths, placements };
}
