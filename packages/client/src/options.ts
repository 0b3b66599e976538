/** The options of a client's methods, and the checks that turn what is given into what is meant. */
import { isArrayBufferView } from "node:util/types";
import {
  checkBoolean,
  checkInteger,
  checkNames,
  checkPosition,
  INT32_MAX,
  type Names,
  type Position,
  toMode,
} from "./arguments.js";
import { invalidArgType } from "./node-errors.js";
import { hrtime } from "./real-timers.js";

/** Any view of bytes: a Buffer, any typed array, a DataView; on an ArrayBuffer or a SharedArrayBuffer. */
export type BufferView = NodeJS.ArrayBufferView;

/** What every operation takes besides its own options. */
export interface RequestOptions {
  /**
   * Cancels the operation, in the kernel too. The promise rejects with AbortError if it was cancelled, and resolves if it was done
   * already; the buffer is the caller's again when the promise settles, not before. A close is never cancelled.
   */
  readonly signal?: AbortSignal | undefined;
  /** After so many milliseconds the operation is cancelled, and the promise rejects with ETIMEDOUT. At least 1. */
  readonly timeoutMs?: number | undefined;
}

export const requestNames: Names<RequestOptions> = { signal: true, timeoutMs: true };

export interface TransferOptions extends RequestOptions {
  /** Offset in the file, in bytes. Default null: where the descriptor stands, and it moves on. */
  readonly position?: Position | undefined;
  /** RWF_* of include/uapi/linux/fs.h: 2 DSYNC, 4 SYNC, 8 NOWAIT, 16 APPEND, 64 ATOMIC, 128 DONTCACHE. Default 0. */
  readonly flags?: number | undefined;
}

/** Of one view. */
export interface ReadWriteOptions extends TransferOptions {
  /** Where in the view the transfer begins, in bytes. Default 0. */
  readonly offset?: number | null | undefined;
  /** In bytes. Default: from there to the end of the view. */
  readonly length?: number | null | undefined;
}

export interface Openat2Options extends RequestOptions {
  /** As of open. Default "r". */
  readonly flags?: string | number | undefined;
  /** Permissions of a new file, before the umask. Default 0o666 where the flags can make one. */
  readonly mode?: number | string | undefined;
  /** A folder's descriptor, from which relative paths start. Default: the working directory. */
  readonly dirFd?: number | undefined;
  /** What the path must not lead through; the kernel refuses with EXDEV, ELOOP or EAGAIN. Other keys are refused here. */
  readonly resolve?:
    | {
        /** Not above the folder where it starts, nor by an absolute path or link. */
        readonly beneath?: boolean | undefined;
        /** As if that folder were the root. */
        readonly inRoot?: boolean | undefined;
        readonly noSymlinks?: boolean | undefined;
        readonly noMagicLinks?: boolean | undefined;
        /** Into another mount. */
        readonly noXdev?: boolean | undefined;
        /** Only as far as the kernel has it in its caches. */
        readonly cached?: boolean | undefined;
      }
    | undefined;
}

export const openat2Names: Names<Openat2Options> = {
  ...requestNames,
  flags: true,
  mode: true,
  dirFd: true,
  resolve: true,
};

export interface StatxOptions extends RequestOptions {
  /** STATX_* of include/uapi/linux/stat.h: what is asked for. Default: the basic fields and the time of birth (0xfff). */
  readonly mask?: number | undefined;
  /** AT_* of include/uapi/linux/fcntl.h: 0x100 not through a symbolic link, 0x2000 force sync, 0x4000 don't. Default 0. */
  readonly flags?: number | undefined;
}

export const statxNames: Names<StatxOptions> = { ...requestNames, mask: true, flags: true };

export interface SetxattrOptions extends RequestOptions {
  /** 1: only a new one (EEXIST); 2: only one that is there (ENODATA). Default 0. */
  readonly flags?: number | undefined;
}

export const setxattrNames: Names<SetxattrOptions> = { ...requestNames, flags: true };

export interface RenameOptions extends RequestOptions {
  /** Whether a file of the new name stays, and the promise rejects with EEXIST. Default false. */
  readonly noReplace?: boolean | undefined;
  /** Whether the two files swap their names. Default false. */
  readonly exchange?: boolean | undefined;
}

const renameNames = {
  ...requestNames,
  noReplace: true,
  exchange: true,
} satisfies Names<RenameOptions>;

export interface MkdirOptions extends RequestOptions {
  /** Permissions, before the umask. Default 0o777. */
  readonly mode?: number | string | undefined;
  /** Whether the missing directories above are made, too, and one that is there is no error. Default false. */
  readonly recursive?: boolean | undefined;
}

const mkdirNames = { ...requestNames, mode: true, recursive: true } satisfies Names<MkdirOptions>;

export interface StatOptions extends RequestOptions {
  /** Whether the numbers are bigints. Default false. */
  readonly bigint?: boolean | undefined;
}

export interface ReadFileOptions extends RequestOptions {
  readonly encoding?: BufferEncoding | null | undefined;
  /** Default "r". */
  readonly flag?: string | number | undefined;
}

export interface WriteFileOptions extends RequestOptions {
  /** Of a string. Default "utf8". */
  readonly encoding?: BufferEncoding | null | undefined;
  /** Permissions of a new file, before the umask. Default 0o666. */
  readonly mode?: number | string | undefined;
  /** Default "w". */
  readonly flag?: string | number | undefined;
  /** Whether the data is on the device before the promise resolves (fsync). Default false. */
  readonly flush?: boolean | undefined;
}

export interface CloseOptions {
  /**
   * Requests in flight may finish as long as some do. When none has for so many milliseconds (a read of a pipe that nobody
   * writes to, say), the rest is cancelled, and rejects with ECANCELED. Default 200.
   */
  readonly graceMs?: number | undefined;
}

const closeNames = { graceMs: true } satisfies Names<CloseOptions>;

const DEFAULT_GRACE_MS = 200;

/** Checks the options of closing something. */
export function toGraceMs(options: CloseOptions | undefined): number {
  const graceMs = toOptions<CloseOptions>(options, closeNames).graceMs ?? DEFAULT_GRACE_MS;
  checkInteger(graceMs, "options.graceMs", 0, INT32_MAX);
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
  checkInteger(timeoutMs, "options.timeoutMs", 1, INT32_MAX);
  return { signal, deadline: hrtime.bigint() + BigInt(timeoutMs) * NS_PER_MS };
}

/** Whatever says whether it is aborted, as for node:fs, and can be listened to: node:fs throws where it can't, later. */
function isAbortSignal(signal: unknown): boolean {
  if (typeof signal !== "object" || signal === null || !("aborted" in signal)) return false;
  const { addEventListener, removeEventListener } = signal as Partial<AbortSignal>; // each is looked at
  return typeof addEventListener === "function" && typeof removeEventListener === "function";
}

/** Options of which the encoding alone may be given, too. */
export function toFileOptions<T extends { readonly encoding?: BufferEncoding | null | undefined }>(
  options: T | BufferEncoding | null | undefined,
): T {
  if (typeof options === "string") return { encoding: options } as T; // all other options are optional
  if (options !== null && options !== undefined && typeof options !== "object") {
    throw invalidArgType("options", "one of type string or object", options);
  }
  return toOptions<T>(options);
}

/** @param known names; others are refused. Without it they mean nothing, as to node:fs: programs give several methods the same options. */
export function toOptions<T extends object>(options: T | null | undefined, known?: Names<T>): T {
  if (options === null || options === undefined) return {} as T; // all options are optional
  if (typeof options !== "object") throw invalidArgType("options", "of type object", options);
  if (known !== undefined) checkNames(options, "options", known);
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
  const { mode, recursive = false } = toOptions<MkdirOptions>(options, mkdirNames);
  checkBoolean(recursive, "options.recursive");
  return { mode: toMode(mode, 0o777), recursive };
}

/** RENAME_NOREPLACE and RENAME_EXCHANGE of include/uapi/linux/fs.h. */
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

export function toRenameFlags(options: RenameOptions | undefined): number {
  const { noReplace = false, exchange = false } = toOptions<RenameOptions>(options, renameNames);
  checkBoolean(noReplace, "options.noReplace");
  checkBoolean(exchange, "options.exchange");
  return (noReplace ? RENAME_NOREPLACE : 0) | (exchange ? RENAME_EXCHANGE : 0);
}

/** RWF_* flags. */
export function toTransferFlags(options: TransferOptions | Position | undefined): number {
  const flags = typeof options === "object" && options !== null ? options.flags : undefined;
  if (flags === undefined) return 0;
  checkInteger(flags, "options.flags", 0, INT32_MAX);
  return flags;
}

const RESOLVE = {
  noXdev: 1,
  noMagicLinks: 2,
  noSymlinks: 4,
  beneath: 8,
  inRoot: 16,
  cached: 32,
} as const satisfies Names<NonNullable<Openat2Options["resolve"]>>;

/** RESOLVE_* of include/uapi/linux/openat2.h. Strict: what is overlooked here opens what was to stay closed. */
export function toResolve(resolve: Openat2Options["resolve"]): number {
  if (resolve === undefined) return 0;
  if (typeof resolve !== "object" || resolve === null || Array.isArray(resolve)) {
    throw invalidArgType("options.resolve", "of type object", resolve);
  }
  checkNames(resolve, "options.resolve", RESOLVE);
  let bits = 0;
  for (const [name, bit] of Object.entries(RESOLVE)) {
    const value: unknown = resolve[name as keyof typeof RESOLVE];
    if (value === undefined) continue;
    checkBoolean(value, `options.resolve.${name}`);
    if (value) bits |= bit;
  }
  return bits;
}

export function toPosition(options: TransferOptions | Position | undefined): Position | undefined {
  const position = typeof options === "object" && options !== null ? options.position : options;
  checkPosition(position);
  return position;
}

export function toBytes(data: unknown, encoding: BufferEncoding, name = "data"): Uint8Array {
  if (typeof data === "string") return Buffer.from(data, encoding);
  if (!isArrayBufferView(data)) {
    throw invalidArgType(
      name,
      "of type string or an instance of Buffer, TypedArray, or DataView",
      data,
    );
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
