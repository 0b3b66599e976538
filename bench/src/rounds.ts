/**
 * The rounds of a case: each measures every rival once, one after the other, so that whatever disturbs them disturbs all. What
 * changes while a round goes on (a machine that gets warm, say) must not always meet the same one: every other round runs backwards.
 */
import { runInChild } from "./child-process.js";
import { type Summary, summarize } from "./statistics.js";
import type { Goal, Measurement, Trial, TrialCase } from "./trial.js";

export interface RunOptions {
  readonly rounds: number;
  readonly measureMs: number;
  readonly warmUpMs: number;
  readonly seed: number;
  readonly folder: string;
  /** The CPU of pinned cases. */
  readonly cpu: number | undefined;
  readonly signal: AbortSignal;
  readonly onMeasured: () => void;
}

export interface CaseResult {
  readonly trial: Trial;
  readonly case: TrialCase;
  /** Of every rival, one per round. */
  readonly measurements: Readonly<Record<string, readonly Measurement[]>>;
}

const CHILD_ENTRY = new URL("./child.js", import.meta.url);
/** For starting, warming files up, and being one of many on a busy machine. */
const CHILD_SPARE_MS = 60_000;

export async function runCase(
  trial: Trial,
  trialCase: TrialCase,
  options: RunOptions,
): Promise<CaseResult> {
  const measurements: Record<string, Measurement[]> = {};
  const { warmUpMs, folder, signal } = options;
  const measureMs = trial.measureMs ?? options.measureMs;
  for (let round = 0; round < options.rounds; round++) {
    const inOrder = round % 2 === 0 ? trial.rivals : [...trial.rivals].reverse();
    for (const rival of inOrder) {
      const measurement = await runInChild<Measurement>({
        entry: trial.childEntry ?? CHILD_ENTRY,
        environment: trial.environmentOf?.(rival, trialCase.parameters),
        task: {
          trial: trial.name,
          rival,
          parameters: trialCase.parameters,
          folder,
          seed: options.seed + round,
          warmUpMs,
          measureMs,
        },
        cpu: trialCase.pinned ? options.cpu : undefined,
        deadlineMs: warmUpMs + measureMs + CHILD_SPARE_MS,
        signal,
      });
      measurements[rival] ??= [];
      measurements[rival].push(measurement);
      options.onMeasured();
    }
  }
  return { trial, case: trialCase, measurements };
}

/** Over the rounds; undefined where the rival has no such value. */
export function valuesOf(result: CaseResult, rival: string, metric: string): Summary | undefined {
  return summarize(rawValues(result, rival, metric).filter(isThere));
}

/**
 * The ratio within each round, over the rounds: what has slowed a whole round down cancels out. A round in which one of the two has
 * no such value is left out.
 */
export function ratiosOf(
  result: CaseResult,
  rival: string,
  against: string,
  metric: string,
): Summary | undefined {
  const others = rawValues(result, against, metric);
  const ratios = rawValues(result, rival, metric).map((value, round) => {
    const other = others[round];
    return value === undefined || other === undefined ? undefined : value / other;
  });
  return summarize(ratios.filter(isThere));
}

export interface Comparison {
  readonly rival: string;
  readonly against: string;
  readonly ratio: Summary | undefined;
}

/** Each of ours with each of the others. */
export function compare(result: CaseResult): Comparison[] {
  const { ours, rivals, metrics } = result.trial;
  const metric = metrics[0]?.key ?? "";
  const others = rivals.filter((rival) => !ours.includes(rival));
  return ours.flatMap((rival) =>
    others.map((against) => ({
      rival,
      against,
      ratio: ratiosOf(result, rival, against, metric),
    })),
  );
}

export interface Verdict {
  readonly goal: Goal;
  readonly reached: Summary | undefined;
  readonly isMet: boolean;
}

export function judge(result: CaseResult): Verdict[] {
  return result.case.goals.map((goal) => {
    const { rival, metric, against, atLeast = -Infinity, atMost = Infinity } = goal;
    const reached =
      against === undefined
        ? valuesOf(result, rival, metric)
        : ratiosOf(result, rival, against, metric);
    const isMet = reached !== undefined && reached.median >= atLeast && reached.median <= atMost;
    return { goal, reached, isMet };
  });
}

/** One per round. */
function rawValues(result: CaseResult, rival: string, metric: string): (number | undefined)[] {
  return result.measurements[rival]?.map((measurement) => measurement[metric]) ?? [];
}

const isThere = (value: number | undefined): value is number => value !== undefined;
