/** The results of a run: as a table for people, as JSON for machines. */
import Table from "cli-table3";
import { formatNumber } from "./format-number.js";
import type { Machine } from "./machine.js";
import { type CaseResult, compare, judge, type Verdict, valuesOf } from "./rounds.js";
import type { Summary } from "./statistics.js";
import type { Metric } from "./trial.js";

/** How a run was set up, as far as its results depend on it. */
export interface Setup {
  readonly machine: Machine;
  readonly seed: number;
  readonly rounds: number;
  readonly measureMs: number;
  readonly warmUpMs: number;
}

export function describeSetup(setup: Setup): string {
  const { machine, rounds, measureMs, warmUpMs, seed } = setup;
  return [
    `Linux ${machine.kernel}, Node ${machine.node}, ${machine.cpuCount} × ${machine.cpu}, ${machine.memoryGiB} GiB`,
    `commit ${machine.commit}, ${machine.date}, load ${machine.load}, seed ${seed}`,
    `${rounds} rounds of ${measureMs} ms after ${warmUpMs} ms of warm-up; each measurement in a child process, rivals alternating`,
  ].join("\n");
}

export function reportCase(result: CaseResult): string {
  const { name, title } = result.trial;
  return [
    `${name}: ${title}`,
    result.case.title,
    tableOf(result),
    ...ratioLines(result),
    ...detailLines(result),
    ...judge(result).map((verdict) => goalLine(verdict, result)),
  ].join("\n");
}

function tableOf(result: CaseResult): string {
  const [main, ...others] = result.trial.metrics.filter(({ isDetail }) => isDetail !== true);
  if (main === undefined) throw new Error(`${result.trial.name} has no metric`);
  const head = ["median of the rounds", main.title, "least – most", ...others.map((m) => m.title)];
  const table = new Table({
    head,
    colAligns: head.map((_, nth) => (nth === 0 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  for (const rival of result.trial.rivals) {
    const values = valuesOf(result, rival, main.key);
    table.push([
      rival,
      format(values?.median, main),
      values === undefined ? "" : range(values, main),
      ...others.map((metric) => format(valuesOf(result, rival, metric.key)?.median, metric)),
    ]);
  }
  return table.toString();
}

const RATIO: Metric = { key: "ratio", title: "×", digits: 2 };

function ratioLines(result: CaseResult): string[] {
  return compare(result).map(
    ({ rival, against, ratio }) =>
      `  ${rival}: ${format(ratio?.median, RATIO)} × ${against}${ratio === undefined ? "" : ` (${range(ratio, RATIO)})`}`,
  );
}

/** What the engine's counters say, of those rivals that have one. */
function detailLines(result: CaseResult): string[] {
  const details = result.trial.metrics.filter(({ isDetail }) => isDetail === true);
  return result.trial.rivals.flatMap((rival) => {
    const texts = details.flatMap((metric) => {
      const value = valuesOf(result, rival, metric.key);
      return value === undefined ? [] : [`${format(value.median, metric)} ${metric.title}`];
    });
    return texts.length === 0 ? [] : [`  ${rival}: ${texts.join(", ")}`];
  });
}

function goalLine({ goal, reached, isMet }: Verdict, result: CaseResult): string {
  const metric = result.trial.metrics.find(({ key }) => key === goal.metric);
  if (metric === undefined) throw new Error(`${result.trial.name} has no metric ${goal.metric}`);
  const shown = goal.against === undefined ? metric : RATIO;
  const limit =
    goal.atLeast === undefined
      ? `at most ${format(goal.atMost, shown)}`
      : `at least ${format(goal.atLeast, shown)}`;
  const what = goal.against === undefined ? metric.title : `× ${goal.against}`;
  return `  ${isMet ? "reached" : "MISSED "}  ${goal.rival}: ${limit} ${what}; is ${format(reached?.median, shown)}`;
}

function range({ least, most }: Summary, metric: Metric): string {
  return `${format(least, metric)} – ${format(most, metric)}`;
}

function format(value: number | undefined, { digits }: Metric): string {
  return value === undefined ? "" : formatNumber(value, digits);
}

/** What the run left open, beside what each trial says of itself. */
export function notMeasuredLines(results: readonly CaseResult[], besides: string[]): string[] {
  const trials = new Set(results.map(({ trial }) => trial));
  return [
    ...[...trials].flatMap(({ name, notMeasured }) =>
      notMeasured.map((what) => `${name}: ${what}`),
    ),
    "open loops (requests at a given rate); latencies are those among `depth` requests in flight",
    ...besides,
  ];
}

export function toJson(
  setup: Setup,
  results: readonly CaseResult[],
  notMeasured: readonly string[],
): string {
  const cases = results.map((result) => ({
    trial: result.trial.name,
    title: result.trial.title,
    case: result.case.title,
    parameters: result.case.parameters,
    pinned: result.case.pinned,
    measureMs: result.trial.measureMs ?? setup.measureMs,
    goals: judge(result).map(({ goal, reached, isMet }) => ({ ...goal, reached, isMet })),
    ratios: compare(result),
    rivals: result.trial.rivals.map((rival) => ({
      rival,
      summary: Object.fromEntries(
        result.trial.metrics.map(({ key }) => [key, valuesOf(result, rival, key)]),
      ),
      rounds: result.measurements[rival],
    })),
  }));
  return `${JSON.stringify({ ...setup, cases, notMeasured }, null, 2)}\n`;
}
