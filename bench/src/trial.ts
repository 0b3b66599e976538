/**
 * What a trial is: rivals that do the same work, each in fresh child processes, and what is measured of each. A new trial is one
 * file in trials/ and its line in trials/index.ts.
 */

/** What tells the cases of a trial apart, as a child process gets it. */
export type Parameters = Readonly<Record<string, number>>;

/** Values by the key of their metric. A rival leaves out what it has no value for. */
export type Measurement = Readonly<Record<string, number>>;

export interface Metric {
  readonly key: string;
  readonly title: string;
  /** Digits after the point. */
  readonly digits: number;
  /** Explains a result instead of being one: stands below the table. */
  readonly isDetail?: boolean;
}

/** What a case has to reach, in the median over the rounds. */
export interface Goal {
  readonly metric: string;
  readonly rival: string;
  /** The goal is for the ratio to this rival; without it, for the value. */
  readonly against?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface TrialCase {
  readonly title: string;
  readonly parameters: Parameters;
  /** Whether all threads of the child run on one CPU. */
  readonly pinned: boolean;
  readonly goals: readonly Goal[];
}

/** What the one who runs the trials asks for. */
export interface Choices {
  readonly depths: readonly number[];
  /** Which cases: on one CPU, with all CPUs free, or both. */
  readonly placements: readonly ("free" | "pinned")[];
}

/** One measurement: all that a child process needs to know. */
export interface Task {
  readonly trial: string;
  readonly rival: string;
  readonly parameters: Parameters;
  /** Where the trial's files are. */
  readonly folder: string;
  readonly seed: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface Trial {
  readonly name: string;
  /** What is measured, to the reader of the report. */
  readonly title: string;
  /** They run in this order in the first round, backwards in the second, and so on. */
  readonly rivals: readonly string[];
  /** Those that are compared with each of the others. */
  readonly ours: readonly string[];
  /** The first one is what rivals are compared by. */
  readonly metrics: readonly Metric[];
  readonly notMeasured: readonly string[];
  /** How long a measurement takes, where the usual time won't do. */
  readonly measureMs?: number;
  /** What a child process runs, where child.ts would load more than the rivals need. */
  readonly childEntry?: URL;
  cases(choices: Choices): readonly TrialCase[];
  /** Makes the files that all measurements share, before the first. */
  makeFixture?(folder: string, seed: number): void;
  /** What the rival's child process has in its environment, beside that of this process. */
  environmentOf?(rival: string, parameters: Parameters): Readonly<Record<string, string>>;
  /** Measures one rival, once. Runs in a child process of its own. */
  measure(task: Task): Promise<Measurement>;
}

export function parameterOf(task: Task, name: string): number {
  const value = task.parameters[name];
  if (value === undefined) throw new Error(`The task of ${task.trial} lacks the parameter ${name}`);
  return value;
}

/** The member of that name, of a trial's table of rivals. */
export function rivalOf<T>(rivals: Readonly<Record<string, T>>, task: Task): T {
  const rival = rivals[task.rival];
  if (rival === undefined) throw new Error(`${task.trial} has no rival ${task.rival}`);
  return rival;
}

export const PLACEMENT_TITLES = { free: "all CPUs free", pinned: "pinned to one CPU" } as const;
