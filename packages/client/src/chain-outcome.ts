/** What a chain came to, and the error of one that broke. */
import type { CodedError } from "./node-errors.js";

export interface ChainOutcome {
  /** What each step came to, in order, as `Promise.allSettled` says it. */
  readonly results: readonly PromiseSettledResult<unknown>[];
  /** The first step that failed, or moved fewer bytes than the next one counts on; undefined where all went well. */
  readonly brokenAt: number | undefined;
}

/** What a chain rejects with: the error of the step that broke it, and what the others came to. */
export interface ChainError extends CodedError {
  /** Of the step's error, where it has them. */
  errno?: number;
  syscall?: string;
  path?: string;
  dest?: string;
  /** Which step broke the chain, from 0. */
  step: number;
  /** What each step came to: its value, or its error. Those that didn't run have ECANCELED. */
  results: readonly unknown[];
}

export function chainError(
  outcome: readonly PromiseSettledResult<unknown>[],
  step: number,
  expectedBytes: number,
): ChainError {
  const broken = outcome[step]!; // the caller counts the same steps
  const cause =
    broken.status === "rejected"
      ? (broken.reason as CodedError) // from failOperation or abortError
      : shortTransfer(broken.value as number, expectedBytes); // only transfers have fewer bytes
  const error = new Error(`${cause.message} (step ${step} of a chain of ${outcome.length})`, {
    cause,
  });
  error.name = cause.name;
  const results = outcome.map((each) => (each.status === "fulfilled" ? each.value : each.reason));
  return Object.assign(error, { ...cause, code: cause.code, step, results });
}

function shortTransfer(bytes: number, expectedBytes: number): CodedError {
  return Object.assign(
    new Error(`Only ${bytes} of ${expectedBytes} bytes were moved, and the chain broke`),
    { code: "ERR_RINGPOST_SHORT_TRANSFER" },
  );
}
