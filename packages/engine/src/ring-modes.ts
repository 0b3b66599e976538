/** Checks of those options that choose a mode of the ring. */
import {
  checkInteger,
  checkNames,
  invalidArgType,
  invalidArgValue,
  type Names,
  SubmitMode,
} from "@ringpost/client";
import { PlacementMode, WaitMode } from "@ringpost/protocol";
import type { EngineOptions } from "./options.js";

const MOST_WORKERS = 65_535;

/** What there is in those options that are objects. */
const namesOf = {
  sqpoll: { idleMs: true, cpu: true },
  kernelWorkers: { bounded: true, unbounded: true },
  minWait: { completions: true, us: true },
  submit: { threshold: true },
} satisfies {
  [Name in keyof EngineOptions]?: Names<Extract<EngineOptions[Name], object>>;
};

function checkObject(value: unknown, option: keyof typeof namesOf): asserts value is object {
  if (typeof value !== "object" || value === null)
    throw invalidArgType(`options.${option}`, "of type object", value);
  checkNames(value, `options.${option}`, namesOf[option]);
}

/** 0 in a limit: as the kernel has it. */
export function toKernelWorkers(given: unknown): { bounded: number; unbounded: number } {
  const limits = { bounded: 0, unbounded: 0 };
  if (given === undefined) return limits;
  checkObject(given, "kernelWorkers");
  for (const kind of ["bounded", "unbounded"] as const) {
    const limit = (given as Partial<Record<typeof kind, unknown>>)[kind]; // looked at right here
    if (limit === undefined) continue;
    checkInteger(limit, `options.kernelWorkers.${kind}`, 1, MOST_WORKERS);
    limits[kind] = limit;
  }
  return limits;
}

/** One completion: no such wait. */
export function toMinWait(given: unknown): { completions: number; us: number } {
  if (given === undefined) return { completions: 1, us: 0 };
  checkObject(given, "minWait");
  const { completions, us } = given as { completions?: unknown; us?: unknown }; // looked at right here
  checkInteger(completions, "options.minWait.completions", 2, 65_536);
  checkInteger(us, "options.minWait.us", 1, 1_000_000);
  return { completions, us };
}

export interface SqpollOptions {
  readonly idleMs: number;
  /** -1: wherever. */
  readonly cpu: number;
}

/** Undefined: no submission thread. */
export function toSqpoll(given: unknown): SqpollOptions | undefined {
  if (given === undefined || given === false) return undefined;
  if (given !== true && (typeof given !== "object" || given === null))
    throw invalidArgType("options.sqpoll", "of type boolean or object", given);
  if (given !== true) checkObject(given, "sqpoll");
  const { idleMs = 100, cpu } = given as { idleMs?: unknown; cpu?: unknown }; // looked at right here
  checkInteger(idleMs, "options.sqpoll.idleMs", 1, 3_600_000);
  if (cpu === undefined) return { idleMs, cpu: -1 };
  checkInteger(cpu, "options.sqpoll.cpu", 0, 8191);
  return { idleMs, cpu };
}

/** As a handle carries it. */
export function toSubmitMode(given: unknown): number {
  if (given === undefined || given === "auto") return SubmitMode.AUTO;
  if (given === "manual") return SubmitMode.MANUAL;
  if (typeof given !== "object" || given === null) {
    throw invalidArgValue(
      "options.submit",
      given,
      "must be 'auto', 'manual', or an object with a threshold",
    );
  }
  checkObject(given, "submit");
  const { threshold } = given as { threshold?: unknown }; // looked at right here
  checkInteger(threshold, "options.submit.threshold", 1, Number.MAX_SAFE_INTEGER);
  return threshold;
}

const waitModes = new Map<unknown, number>([
  [undefined, WaitMode.AUTO],
  ["auto", WaitMode.AUTO],
  ["notify", WaitMode.NOTIFY],
  ["poll", WaitMode.POLL],
]);

/** {@link WaitMode}. */
export function toWaitMode(given: unknown): number {
  const mode = waitModes.get(given);
  if (mode === undefined)
    throw invalidArgValue("options.wait", given, "must be 'notify', 'poll' or 'auto'");
  return mode;
}

export interface PlacementChoice {
  /** {@link PlacementMode}. */
  readonly mode: number;
  readonly cpus?: readonly number[];
}

const placements = new Map<unknown, number>([
  [undefined, PlacementMode.AUTO],
  ["auto", PlacementMode.AUTO],
  ["float", PlacementMode.FLOAT],
  ["colocate", PlacementMode.COLOCATE],
  ["spread", PlacementMode.SPREAD],
]);

export function toPlacement(given: unknown): PlacementChoice {
  const mode = placements.get(given);
  if (mode !== undefined) return { mode };
  if (!Array.isArray(given) || given.length === 0) {
    throw invalidArgValue(
      "options.placement",
      given,
      "must be 'auto', 'float', 'colocate', 'spread' or a list of CPUs",
    );
  }
  const cpus = given.map((cpu: unknown, nth) => {
    checkInteger(cpu, `options.placement[${nth}]`, 0, 1023);
    return cpu;
  });
  return { mode: PlacementMode.LIST, cpus };
}
