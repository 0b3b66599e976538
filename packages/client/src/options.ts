/** The options of a client's methods, and the checks that turn what is given into what is meant. */
import { isArrayBufferView } from "node:util/types";
import { checkInteger, checkPosition, type Position, toMode } from "./arguments.js";
import { invalidArgType } from "./node-errors.js";

/** Any view of bytes: a Buffer, any typed array, a DataView; on an ArrayBuffer or a SharedArrayBuffer. */
export type BufferView = NodeJS.ArrayBufferView;

export interface TransferOptions {
  /** Offset in the file, in bytes. Default null: where the descriptor stands, and it moves on. */
  readonly position?: Position;
}

export interface RenameOptions {
  /** Whether a file of the new name stays, and the promise rejects with EEXIST. Default false. */
  readonly noReplace?: boolean;
  /** Whether the two files swap their names. Default false. */
  readonly exchange?: boolean;
}

export interface MkdirOptions {
  /** Permissions, before the umask. Default 0o777. */
  readonly mode?: number | string;
  /** Whether the missing directories above are made, too, and one that is there is no error. Default false. */
  readonly recursive?: boolean;
}

export interface StatOptions {
  /** Whether the numbers are bigints. Default false. */
  readonly bigint?: boolean;
}

export interface ReadFileOptions {
  readonly encoding?: BufferEncoding | null;
  /** Default "r". */
  readonly flag?: string | number;
}

export interface WriteFileOptions {
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
const MAX_GRACE_MS = 0x7fff_ffff;

/** Checks the options of closing something. */
export function toGraceMs(options: CloseOptions | undefined): number {
  const graceMs = toOptions<CloseOptions>(options).graceMs ?? DEFAULT_GRACE_MS;
  checkInteger(graceMs, "options.graceMs", 0, MAX_GRACE_MS);
  return graceMs;
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
