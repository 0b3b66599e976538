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

/** A step that moved fewer bytes than the next one counts on. */
export interface ShortTransfer {
  readonly step: number;
  /** Bytes that it was to move. */
  readonly expected: number;
}

/** @param results each step's value or error */
export function chainError(
  results: readonly unknown[],
  step: number,
  short: ShortTransfer | undefined,
): ChainError {
  const cause =
    short?.step === step
      ? shortTransferError(results[step] as number, short.expected) // a count
      : (results[step] as CodedError); // a failed step's
  // An abort's own cause is what programs look for: whether it was a timeout.
  const error = new Error(`${cause.message} (step ${step} of a chain of ${results.length})`, {
    cause: cause.cause ?? cause,
  });
  error.name = cause.name;
  return Object.assign(error, { ...cause, code: cause.code, step, results });
}

function shortTransferError(bytes: number, expected: number): CodedError {
  return Object.assign(
    new Error(`Only ${bytes} of ${expected} bytes were moved, and the chain broke`),
    { code: "ERR_RINGPOST_SHORT_TRANSFER" },
  );
}
