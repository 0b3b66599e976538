/** The report of the experiment, as a page. */
import { formatNumber } from "../format-number.js";
import { describeSetup, type Setup } from "../report.js";
import { type CaseResult, judge, ratiosOf, valuesOf } from "../rounds.js";
import type { Metric } from "../trial.js";
import { cells } from "./cells.js";
import { fioArguments } from "./fio.js";
import { FIO_URING, type Rival, rivalNamed } from "./rivals.js";

const SPEED = "opsPerSecond";
const THRIFT = "opsPerCpuSecond";

export interface Report {
  readonly setup: Setup;
  readonly results: readonly CaseResult[];
  readonly notMeasured: readonly string[];
  readonly fileBytes: number;
  /** undefined where there is none. */
  readonly fio: string | undefined;
  /** Names of files beside the page, and what they show. */
  readonly pictures: readonly { readonly name: string; readonly title: string }[];
}

export function toMarkdown(report: Report): string {
  const { setup, results, fileBytes, fio, pictures } = report;
  const trial = results[0]?.trial;
  if (trial === undefined) return "Nothing was measured.\n";
  const sections = [
    "# The experiment of the article, with ringpost in it",
    `${trial.title}. Made by \`npm run bench -- article\`.`,
    describeSetup(setup)
      .split("\n")
      .concat(fio ?? "no fio")
      .map(bullet)
      .join("\n"),
    ...pictures.map(({ name, title }) => `![${title}](${name}.svg)`),
    "## At a glance",
    "The ratios are medians of those within each round. *Best of Node* is that of its ways with the most operations per second; *thriftiest* the one with the most per CPU second.",
    ...trial.ours.map((ours) => glance(ours, results)),
    "## Goals",
    goals(results),
    "## Each cell",
    "Medians of the rounds. CPU µs/op are CPU seconds per million operations, of all threads of the process: user and system, workers of io_uring and the thread of SQPOLL among them; of fio, in the middle of the measurement.",
    ...results.map((result) => `### ${result.case.title}\n\n${cellTable(result)}`),
    "## How each is driven",
    trial.rivals.map((name) => bullet(`**${name}**: ${rivalNamed(name).note}`)).join("\n"),
    bullet(
      "All: one file, written in full before; random blocks of it, any of them any time; memory that reads and writes share, page-aligned. Before each measurement the file is synced and, where the cell is buffered, read into the page cache; the warm-up follows, then the measurement.",
    ),
    fioSection(trial.rivals.map(rivalNamed), fileBytes, setup),
    "## Not measured",
    report.notMeasured.map(bullet).join("\n"),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

const bullet = (line: string): string => `- ${line}`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (texts: readonly string[]): string => `| ${texts.join(" | ")} |`;
  const aligned = head.map((_, nth) => (nth === 0 ? "---" : "--:"));
  return [head, aligned, ...rows].map(line).join("\n");
}

const number = (value: number | undefined, digits: number): string =>
  value === undefined ? "" : formatNumber(value, digits);

/** One of ours beside fio and the best of Node, cell by cell. */
function glance(ours: string, results: readonly CaseResult[]): string {
  const head = [
    ours,
    "ops/s",
    `× ${FIO_URING}`,
    "best of Node",
    "× its ops/s",
    "× its ops/CPU s",
    "thriftiest of Node",
    "× its ops/CPU s",
  ];
  const rows = results.map((result) => {
    const ratio = (against: string | undefined, metric: string): string =>
      against === undefined ? "" : number(ratiosOf(result, ours, against, metric)?.median, 2);
    const fastest = bestOfNode(result, SPEED);
    const thriftiest = bestOfNode(result, THRIFT);
    return [
      result.case.title,
      number(valuesOf(result, ours, SPEED)?.median, 0),
      ratio(FIO_URING, SPEED),
      fastest ?? "",
      ratio(fastest, SPEED),
      ratio(fastest, THRIFT),
      thriftiest ?? "",
      ratio(thriftiest, THRIFT),
    ];
  });
  return table(head, rows);
}

function bestOfNode(result: CaseResult, metric: string): string | undefined {
  const medianOf = (name: string): number => valuesOf(result, name, metric)?.median ?? 0;
  return result.trial.rivals
    .filter((name) => rivalNamed(name).tone === "rival")
    .reduce<string | undefined>(
      (best, name) => (best === undefined || medianOf(name) > medianOf(best) ? name : best),
      undefined,
    );
}

function goals(results: readonly CaseResult[]): string {
  const verdicts = results.flatMap((result) =>
    judge(result).map((verdict) => ({ ...verdict, result })),
  );
  const missed = verdicts.filter(({ isMet }) => !isMet);
  const lines = missed.map(({ goal, reached, result }) => {
    const title = result.trial.metrics.find(({ key }) => key === goal.metric)?.title;
    return bullet(
      `missed: ${result.case.title}: ${goal.rival} at least ${number(goal.atLeast, 2)} × ${goal.against} (${title}); is ${number(reached?.median, 2)}`,
    );
  });
  return [`${verdicts.length - missed.length} of ${verdicts.length} reached.`, lines.join("\n")]
    .filter((text) => text !== "")
    .join("\n\n");
}

function cellTable(result: CaseResult): string {
  const { rivals, metrics } = result.trial;
  const shown = metrics.filter(({ isDetail }) => isDetail !== true);
  const median = (rival: string, { key, digits }: Metric): string =>
    number(valuesOf(result, rival, key)?.median, digits);
  return table(
    ["", ...shown.map(({ title }) => title)],
    rivals.map((rival) => [rival, ...shown.map((metric) => median(rival, metric))]),
  );
}

/** What fio is told, of one cell; the others differ in size, depth, direct and seed. */
function fioSection(taking: readonly Rival[], fileBytes: number, setup: Setup): string {
  const [cell] = cells;
  const lines = taking.flatMap(({ name, way }) => {
    if (way.kind !== "fio") return [];
    const args = fioArguments({ ...setup, ...way, path: "FILE", fileBytes, cell: cell! });
    return [`# ${name}\nfio ${args.join(" ")}`];
  });
  return lines.length === 0 ? "" : `\`\`\`\n${lines.join("\n")}\n\`\`\``;
}
