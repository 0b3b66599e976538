/** Errors in Node's own form. node:fs has no public way to make them, so their codes and messages are made here alone. */
import { getSystemErrorMap, inspect } from "node:util";
import { EACCES, EAGAIN, ECHILD, EOPNOTSUPP, ETIMEDOUT } from "@ringpost/protocol";

export interface CodedError extends Error {
  code: string;
}

/** What a failed operation rejects with: the shape of node:fs errors. */
export interface OperationError extends CodedError {
  /** Negative, as node:fs has it. */
  errno: number;
  syscall: string;
  path?: string;
  /** Of an operation with two paths. */
  dest?: string;
}

function coded<E extends Error>(error: E, code: string): E & CodedError {
  return Object.assign(error, { code });
}

/** "Received …" of a value of the wrong type. */
function received(value: unknown): string {
  if (value === null || value === undefined) return ` Received ${value}`;
  if (typeof value === "function") return ` Received function ${value.name}`;
  if (typeof value === "object") {
    const name = (value as { constructor?: { name?: string } }).constructor?.name;
    return name ? ` Received an instance of ${name}` : ` Received ${inspect(value, { depth: -1 })}`;
  }
  if (typeof value === "string") {
    const short = value.length > 28 ? `${value.slice(0, 25)}...` : value;
    return ` Received type string (${short.includes("'") ? JSON.stringify(short) : `'${short}'`})`;
  }
  return ` Received type ${typeof value} (${typeof value === "symbol" ? String(value) : inspect(value)})`;
}

/** @param expected such as "of type number" or "an instance of Buffer" */
export function invalidArgType(
  name: string,
  expected: string,
  value: unknown,
): TypeError & CodedError {
  const kind = name.includes(".") ? "property" : "argument";
  return coded(
    new TypeError(`The "${name}" ${kind} must be ${expected}.${received(value)}`),
    "ERR_INVALID_ARG_TYPE",
  );
}

export function invalidArgValue(
  name: string,
  value: unknown,
  reason = "is invalid",
): TypeError & CodedError {
  const inspected = inspect(value);
  const short = inspected.length > 128 ? `${inspected.slice(0, 128)}...` : inspected;
  const kind = name.includes(".") ? "property" : "argument";
  return coded(
    new TypeError(`The ${kind} '${name}' ${reason}. Received ${short}`),
    "ERR_INVALID_ARG_VALUE",
  );
}

/** 1234567 → "1_234_567", as Node writes numbers beyond 2³² in range errors; "1e+21" it cuts as well. */
function withSeparators(digits: string): string {
  const first = digits.startsWith("-") ? 1 : 0;
  let end = digits.length;
  let separated = "";
  for (; end >= first + 4; end -= 3) separated = `_${digits.slice(end - 3, end)}${separated}`;
  return digits.slice(0, end) + separated;
}

export function outOfRange(
  name: string,
  range: string,
  value: number | bigint,
): RangeError & CodedError {
  let shown = String(value);
  const large =
    typeof value === "bigint"
      ? value > 2n ** 32n || value < -(2n ** 32n)
      : Math.abs(value) > 2 ** 32;
  if (large && (typeof value === "bigint" || Number.isInteger(value)))
    shown = withSeparators(shown);
  if (typeof value === "bigint") shown += "n";
  return coded(
    new RangeError(
      `The value of "${name}" is out of range. It must be ${range}. Received ${shown}`,
    ),
    "ERR_OUT_OF_RANGE",
  );
}

/** Something that can't be done now. */
export function invalidState(what: string): CodedError {
  return coded(new Error(`Invalid state: ${what}`), "ERR_INVALID_STATE");
}

/** @param size in bytes */
export function fileTooLarge(size: number): RangeError & CodedError {
  return coded(
    new RangeError(`File size (${size}) is greater than 2 GiB`),
    "ERR_FS_FILE_TOO_LARGE",
  );
}

/** A request on a client or an engine that is closed, or that closed before the request was taken. */
export function closedError(what: "client" | "engine"): CodedError {
  return coded(new Error(`The ringpost ${what} is closed`), "ERR_RINGPOST_CLOSED");
}

/** With what libuv has no call to know, or takes for a connection's. */
const systemErrors = new Map<number, [code: string, message: string]>([
  ...getSystemErrorMap(),
  [ECHILD, ["ECHILD", "no child processes"]],
  [ETIMEDOUT, ["ETIMEDOUT", "operation timed out"]],
]);

/**
 * The error of an operation that the kernel refused.
 * @param errno negative
 * @param hint what else to say
 */
export function operationError(
  errno: number,
  syscall: string,
  path?: string,
  dest?: string,
  hint = "",
): OperationError {
  const [code, message] = systemErrors.get(errno) ?? [
    `Unknown system error ${errno}`,
    `Unknown system error ${errno}`,
  ];
  const from = path === undefined ? "" : ` '${path}'`;
  const to = dest === undefined ? "" : ` -> '${dest}'`;
  return Object.assign(
    new Error(`${code}: ${message}, ${syscall}${from}${to}${hint}`),
    { errno, code, syscall },
    path === undefined ? undefined : { path },
    dest === undefined ? undefined : { dest },
  );
}

/**
 * A transfer was to be polled for, and there is nothing to poll. libuv calls this number ENOTSUP, and speaks of sockets; the
 * name that io_uring's users know says it better.
 */
export function notPolledError(syscall: string, path?: string): OperationError {
  const from = path === undefined ? "" : ` '${path}'`;
  return Object.assign(
    new Error(
      `EOPNOTSUPP: the device or file system has no poll queues, ${syscall}${from} ` +
        "(give its driver some, as nvme.poll_queues=2 does, or start the engine without iopoll)",
    ),
    { errno: EOPNOTSUPP, code: "EOPNOTSUPP", syscall },
    path === undefined ? undefined : { path },
  );
}

/** Of an operation that the engine was started without. */
export function notAllowedError(syscall: string, path?: string, dest?: string): OperationError {
  const hint = " (it isn't in the engine's options.operations)";
  return operationError(EACCES, syscall, path, dest, hint);
}

/** More requests wait than `queueLimit` allows. */
export function queueFullError(
  limit: number,
  syscall: string,
  path?: string,
  dest?: string,
): OperationError {
  const hint = ` (${limit} requests wait already: await client.drain())`;
  return operationError(EAGAIN, syscall, path, dest, hint);
}

/** What an operation rejects with that its signal has cancelled: Node's own AbortError, which has no public way to be made. */
export function abortError(signal: AbortSignal): CodedError {
  const error = coded(
    new Error("The operation was aborted", { cause: signal.reason }),
    "ABORT_ERR",
  );
  error.name = "AbortError";
  return error;
}
