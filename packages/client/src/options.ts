/** The options of a client's methods, and the checks that turn what is given into what is meant. */
import { isArrayBufferView } from "node:util/types";
import { checkInteger, checkPosition, type Position, toMode } from "./arguments.js";
import { invalidArgType } from "./node-errors.js";

/** Any view of bytes: a Buffer, any typed array, a DataView; on an ArrayBuffer or a SharedArrayBuffer. */
export type BufferView = NodeJS.ArrayBufferView;

/** What every operation takes besides its own options. */
export interface RequestOptions {
  /**
   * Cancels the operation, in the kernel too. The promise rejects with AbortError if it was cancelled, and resolves if it was done
   * already; the buffer is the caller's again when the promise settles, not before. A close is never cancelled.
   */
  readonly signal?: AbortSignal;
  /** After so many milliseconds the operation is cancelled, and the promise rejects with ETIMEDOUT. At least 1. */
  readonly timeoutMs?: number;
}

export interface TransferOptions extends RequestOptions {
  /** Offset in the file, in bytes. Default null: where the descriptor stands, and it moves on. */
  readonly position?: Position;
}

export interface RenameOptions extends RequestOptions {
  /** Whether a file of the new name stays, and the promise rejects with EEXIST. Default false. */
  readonly noReplace?: boolean;
  /** Whether the two files swap their names. Default false. */
  readonly exchange?: boolean;
}

export interface MkdirOptions extends RequestOptions {
  /** Permissions, before the umask. Default 0o777. */
  readonly mode?: number | string;
  /** Whether the missing directories above are made, too, and one that is there is no error. Default false. */
  readonly recursive?: boolean;
}

export interface StatOptions extends RequestOptions {
  /** Whether the numbers are bigints. Default false. */
  readonly bigint?: boolean;
}

export interface ReadFileOptions extends RequestOptions {
  readonly encoding?: BufferEncoding | null;
  /** Default "r". */
  readonly flag?: string | number;
}

export interface WriteFileOptions extends RequestOptions {
  /** Of a string. Default "utf8". */
  readonly encoding?: BufferEncoding | null;
  /** Permissions of a new file, before the umask. Default 0o666. */
  readonly mode?: number | string;
  /** Default "w". */
  readonly flag?: string | number;
  /** Whether the data is on the device before the promise resolves (fsync). Default false. */
  readonly flush?: boolean;
}

export interface CloseOptions {
  /**
   * Requests in flight may finish as long as some do. When none has for so many milliseconds (a read of a pipe that nobody
   * writes to, say), the rest is cancelled, and rejects with ECANCELED. Default 200.
   */
  readonly graceMs?: number;
}

const DEFAULT_GRACE_MS = 200;

/** Longest time that a timer of Node takes. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** Checks the options of closing something. */
export function toGraceMs(options: CloseOptions | undefined): number {
  const graceMs = toOptions<CloseOptions>(options).graceMs ?? DEFAULT_GRACE_MS;
  checkInteger(graceMs, "options.graceMs", 0, MAX_TIMER_MS);
  return graceMs;
}

/** {@link RequestOptions} as a request has them: for all requests of a call, if it makes several. */
export interface Control {
  readonly signal: AbortSignal | undefined;
  /** In ns of the clock of `process.hrtime`. */
  readonly deadline: bigint | undefined;
}

const NS_PER_MS = 1_000_000n;

/** Checks them, and starts the clock. Returns undefined where there are none. */
export function toControl(options: unknown): Control | undefined {
  if (options === undefined || options === null) return undefined;
  if (typeof options !== "object") throw invalidArgType("options", "of type object", options);
  const { signal, timeoutMs } = options as RequestOptions;
  if (signal === undefined && timeoutMs === undefined) return undefined;
  if (signal !== undefined && !isAbortSignal(signal)) {
    throw invalidArgType("options.signal", "an instance of AbortSignal", signal);
  }
  if (timeoutMs === undefined) return { signal, deadline: undefined };
  checkInteger(timeoutMs, "options.timeoutMs", 1, MAX_TIMER_MS);
  return { signal, deadline: process.hrtime.bigint() + BigInt(timeoutMs) * NS_PER_MS };
}

/** As node:fs sees one: anything that says whether it is aborted. */
function isAbortSignal(signal: unknown): boolean {
  return typeof signal === "object" && signal !== null && "aborted" in signal;
}

/** Options of which the encoding alone may be given, too. */
export function toFileOptions<T extends { readonly encoding?: BufferEncoding | null }>(
  options: T | BufferEncoding | null | undefined,
): T {
  if (typeof options === "string") return { encoding: options } as T; // all other options are optional
  if (options !== null && options !== undefined && typeof options !== "object") {
    throw invalidArgType("options", "one of type string or object", options);
  }
  return toOptions<T>(options);
}

export function toOptions<T extends object>(options: T | null | undefined): T {
  if (options === null || options === undefined) return {} as T; // all options are optional
  if (typeof options !== "object") throw invalidArgType("options", "of type object", options);
  return options;
}

/** The options of mkdir, of which the mode alone may be given. */
export function toMkdirOptions(options: number | string | MkdirOptions | null | undefined): {
  readonly mode: number;
  readonly recursive: boolean;
} {
  if (typeof options === "number" || typeof options === "string") {
    return { mode: toMode(options, 0o777), recursive: false };
  }
  const { mode, recursive = false } = toOptions<MkdirOptions>(options);
  if (typeof recursive !== "boolean") {
    throw invalidArgType("options.recursive", "of type boolean", recursive);
  }
  return { mode: toMode(mode, 0o777), recursive };
}

export function toPosition(options: TransferOptions | Position | undefined): Position | undefined {
  const position = typeof options === "object" && options !== null ? options.position : options;
  checkPosition(position);
  return position;
}

export function toBytes(data: unknown, encoding: BufferEncoding): Uint8Array {
  if (typeof data === "string") return Buffer.from(data, encoding);
  if (!isArrayBufferView(data)) {
    throw invalidArgType(
      "data",
      "of type string or an instance of Buffer, TypedArray, or DataView",
      data,
    );
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
