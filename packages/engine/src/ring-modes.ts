/** Checks of those options that choose a mode of the ring. */
import { checkInteger, invalidArgType, invalidArgValue, SubmitMode } from "@ringpost/client";

const MOST_WORKERS = 65_535;

function checkObject(value: unknown, name: string): asserts value is object {
  if (typeof value !== "object" || value === null)
    throw invalidArgType(name, "of type object", value);
}

/** 0 in a limit: as the kernel has it. */
export function toKernelWorkers(given: unknown): { bounded: number; unbounded: number } {
  const limits = { bounded: 0, unbounded: 0 };
  if (given === undefined) return limits;
  checkObject(given, "options.kernelWorkers");
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
  checkObject(given, "options.minWait");
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
  const { threshold } = given as { threshold?: unknown }; // looked at right here
  checkInteger(threshold, "options.submit.threshold", 1, Number.MAX_SAFE_INTEGER);
  return threshold;
}
