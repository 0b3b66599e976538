/** `npm run bench -- article`: the experiment of the article. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { notMeasuredLines, reportCase, toJson } from "../report.js";
import {
  addReportOptions,
  type ReportOptions,
  type ReportRun,
  runReport,
} from "../report-command.js";
import { type CaseResult, runCase } from "../rounds.js";
import { wholeNumber } from "../whole-number.js";
import { articleTrial, type Choice } from "./article.js";
import { type Cell, cells, chooseCells } from "./cells.js";
import { drawCharts } from "./charts.js";
import { toMarkdown } from "./markdown.js";
import { chooseRivals, type Rival, rivals, shortName } from "./rivals.js";
import { fioVersion, hasFioEngine } from "./run-fio.js";

interface Options extends ReportOptions {
  readonly cells: Cell[];
  readonly contenders: Rival[];
  readonly fileMib: number;
}

/**
 * All cells take less than 40 minutes, and some minutes with --quick. At ten thousand transfers a second it takes V8 as many
 * milliseconds to compile what it runs: less warm-up shows its compiler's CPU time.
 */
const USUAL = { rounds: 3, ms: 1000, warmUp: 1000 };
const QUICK = { rounds: 1, ms: 400, warmUp: 400 };

const RESULTS = fileURLToPath(new URL("../../results/article", import.meta.url));

export const articleCommand: Command = new Command("article")
  .description("The experiment of the article on io_uring, with ringpost beside fio and node:fs.")
  .addOption(
    new Option("--cells <list>", "such as direct,buffered/1m,16k/8: parts left out may be anything")
      .argParser(parsedBy(chooseCells))
      .default([...cells], "all"),
  )
  .addOption(
    new Option("--contenders <list>", `of ${rivals.map(({ name }) => shortName(name)).join(", ")}`)
      .argParser(parsedBy(chooseRivals))
      .default([...rivals], "all"),
  )
  .option("--file-mib <n>", "size of the file", wholeNumber(1, 1 << 20), 1024);

addReportOptions(articleCommand, USUAL, RESULTS).action(main);

function main(options: Options): Promise<void> {
  const { able, missing } = withoutMissing(options.contenders);
  const choice = { rivals: able, cells: options.cells, fileBytes: options.fileMib * 2 ** 20 };
  return runReport("article", options, options.quick ? QUICK : USUAL, async (run) => {
    for (const line of missing) console.log(`Left out: ${line}`);
    const { results, failed } = await runCells(choice, run);
    if (failed.length > 0) process.exitCode = 1;
    await writeReport(run, choice, results, [...missing, ...failed]);
  });
}

/** Those that this machine can run, and a word on each of the others. */
function withoutMissing(chosen: readonly Rival[]): { able: Rival[]; missing: string[] } {
  const able: Rival[] = [];
  const missing: string[] = [];
  for (const rival of chosen) {
    const { name, way } = rival;
    if (way.kind !== "fio" || hasFioEngine(way.engine)) able.push(rival);
    else if (fioVersion() === undefined) missing.push(`${name}: fio is not on the PATH`);
    else missing.push(`${name}: this fio has no engine ${way.engine}`);
  }
  return { able, missing };
}

async function runCells(
  choice: Choice,
  { setup, folder, signal, progress }: ReportRun,
): Promise<{ results: CaseResult[]; failed: string[] }> {
  const trial = articleTrial(choice);
  const results: CaseResult[] = [];
  const failed: string[] = [];
  progress.begin(`making a file of ${choice.fileBytes / 2 ** 20} MiB`, 1);
  trial.makeFixture?.(folder, setup.seed);
  for (const trialCase of trial.cases({ depths: [], placements: ["free"] })) {
    let measured = 0;
    const onMeasured = (): void => progress.update(++measured);
    progress.begin(trialCase.title, setup.rounds * trial.rivals.length);
    try {
      const options = { ...setup, folder, cpu: undefined, signal, onMeasured };
      const result = await runCase(trial, trialCase, options);
      results.push(result);
      progress.end();
      console.log(`\n${reportCase(result)}`);
    } catch (error) {
      signal.throwIfAborted();
      // The other cells may well work, and their results are wanted.
      const message = `${trialCase.title}: ${error instanceof Error ? error.message : error}`;
      failed.push(message);
      process.stderr.write(`${message}\n`);
    }
  }
  return { results, failed };
}

async function writeReport(
  { out, setup }: ReportRun,
  { fileBytes }: Choice,
  results: readonly CaseResult[],
  missing: readonly string[],
): Promise<void> {
  const notMeasured = notMeasuredLines(results, [...missing]);
  const pictures = await drawCharts(setup, results);
  const fio = fioVersion();
  const page = toMarkdown({ setup, results, notMeasured, fileBytes, fio, pictures });
  writeFileSync(join(out, "results.json"), toJson(setup, results, notMeasured));
  writeFileSync(join(out, "README.md"), page);
  for (const { name, svg, png } of pictures) {
    writeFileSync(join(out, `${name}.svg`), svg);
    writeFileSync(join(out, `${name}.png`), png);
  }
}

function parsedBy<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : "");
    }
  };
}
