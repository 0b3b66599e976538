/** Checks of arguments, before anything is posted: Node's rules, in Node's order, with Node's errors. */
import { constants } from "node:fs";
import { fileURLToPath } from "node:url";
import { isArrayBufferView, isDataView, isUint8Array } from "node:util/types";
import type { View } from "@ringpost/native";
import { MAX_VECTORS, OpenFlag } from "@ringpost/protocol";
import { invalidArgType, invalidArgValue, outOfRange } from "./node-errors.js";

/** A path as node:fs takes it. */
export type PathLike = string | Uint8Array | URL;

/** Offset in the file, in bytes; null or -1: where the descriptor stands, and it moves on. */
export type Position = number | bigint | null;

/** Also the longest time that a timer of Node takes, in ms. */
export const INT32_MAX = 0x7fff_ffff;
export const UINT32_MAX = 0xffff_ffff;
const INT64_MAX = 0x7fff_ffff_ffff_ffffn;

export function checkInteger(
  value: unknown,
  name: string,
  least: number,
  most: number,
): asserts value is number {
  if (typeof value !== "number") throw invalidArgType(name, "of type number", value);
  if (!Number.isInteger(value)) throw outOfRange(name, "an integer", value);
  if (value < least || value > most) throw outOfRange(name, `>= ${least} && <= ${most}`, value);
}

export function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== "boolean") throw invalidArgType(name, "of type boolean", value);
}

/** What options there are. Typed so that none is missing, and none too many. */
export type Names<Options> = Readonly<Record<keyof Options, unknown>>;

/** Strict, where it does harm that what is misspelt counts as left out. */
export function checkNames(options: object, name: string, known: object): void {
  for (const key in options) {
    if (Object.hasOwn(known, key)) continue;
    if (!Object.hasOwn(options, key) && key in Object.prototype) continue; // in every object, then
    const value = (options as Record<string, unknown>)[key];
    throw invalidArgValue(`${name}.${key}`, value, `is none of ${Object.keys(known).join(", ")}`);
  }
}

export function checkFd(fd: unknown, name = "fd"): asserts fd is number {
  // The quick look is the whole cost of a good descriptor.
  if (typeof fd === "number" && (fd | 0) === fd && fd >= 0) return;
  checkInteger(fd, name, 0, INT32_MAX);
}

export function checkPosition(
  position: unknown,
  name = "position",
): asserts position is Position | undefined {
  if (position === null || position === undefined) return;
  if (typeof position === "number") {
    if (Number.isSafeInteger(position) && position >= -1) return;
    checkInteger(position, name, -1, Number.MAX_SAFE_INTEGER);
  } else if (typeof position === "bigint") {
    if (position < -1n || position > INT64_MAX)
      throw outOfRange(name, `>= -1n && <= ${INT64_MAX}n`, position);
  } else {
    throw invalidArgType(name, "of type bigint or integer", position);
  }
}

/** Any view as a typed array: the addon asks V8 for a typed array's memory. */
export function toView(view: unknown, name = "buffer"): View {
  if (!isArrayBufferView(view))
    throw invalidArgType(name, "an instance of Buffer, TypedArray, or DataView", view);
  return isDataView(view)
    ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    : (view as View);
}

/**
 * The part of the view that is meant, by node:fs's rules for a write; those for a read say the same in other words.
 * @param part in bytes, whatever the view's elements are
 */
export function toPart(
  view: View,
  part: {
    readonly offset?: number | null | undefined;
    readonly length?: number | null | undefined;
  },
): View {
  const { offset, length } = part;
  if ((offset === undefined || offset === null) && (length === undefined || length === null)) {
    return view;
  }
  const begin = offset ?? 0;
  checkInteger(begin, "offset", 0, Number.MAX_SAFE_INTEGER);
  const most = view.byteLength - begin;
  if (most < 0) throw outOfRange("offset", `<= ${view.byteLength}`, begin);
  const bytes = length ?? most;
  if (bytes > most) throw outOfRange("length", `<= ${most}`, bytes);
  if (bytes < 0) throw outOfRange("length", ">= 0", bytes);
  checkInteger(bytes, "length", 0, most);
  return new Uint8Array(view.buffer, view.byteOffset + begin, bytes);
}

/**
 * The error of what comes after the options, where it would be missed: the length and position of a read in node:fs's form, or a
 * signal of its own.
 * @param names of the options that the method has, besides those of every request
 */
export function furtherArgument(value: unknown, ...names: string[]): Error {
  const all = [...names, "signal", "timeoutMs"].join(", ");
  const cure = `must be the last one, and one object: { ${all} }`;
  return invalidArgValue("options", value, cure);
}

/** Throws where there is any. */
export function refuseFurther(further: readonly unknown[], ...names: string[]): void {
  const first = further.find((value) => value !== undefined);
  if (first !== undefined) throw furtherArgument(first, ...names);
}

export function toViews(views: unknown): View[] {
  if (!Array.isArray(views)) throw invalidArgType("buffers", "an ArrayBufferView[]", views);
  if (views.length > MAX_VECTORS)
    throw outOfRange("buffers.length", `<= ${MAX_VECTORS}`, views.length);
  const all: unknown[] = Array.from(views); // with what isn't there: every() and map() leave that out
  if (!all.every((view) => isArrayBufferView(view))) {
    throw invalidArgType("buffers", "an ArrayBufferView[]", views);
  }
  return all.map((view) => toView(view));
}

/** As Node tells one, be it of another realm (node:vm), and no object of the old url.parse. */
function isUrl(value: unknown): value is URL {
  const { href, protocol, auth, path } = Object(value) as Record<string, unknown>; // whatever it is, it can be asked
  return Boolean(href && protocol) && auth === undefined && path === undefined;
}

/** A path as the kernel gets it: text, or the very bytes. */
export function toPath(path: unknown, name = "path"): string | Uint8Array {
  const local = isUrl(path) ? fileURLToPath(path) : path;
  if (typeof local !== "string" && !isUint8Array(local)) {
    throw invalidArgType(name, "of type string or an instance of Buffer or URL", local);
  }
  if (typeof local === "string" ? local.includes("\u0000") : local.includes(0)) {
    throw invalidArgValue(name, local, "must be a string, Uint8Array, or URL without null bytes");
  }
  // A copy: the request may wait, and its error shows the path of the call, whatever the owner of the bytes writes there later.
  return typeof local === "string" ? local : Uint8Array.from(local);
}

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;

const OPEN_FLAGS: Readonly<Record<string, number>> = {
  r: O_RDONLY,
  rs: O_RDONLY | O_SYNC,
  "r+": O_RDWR,
  "rs+": O_RDWR | O_SYNC,
  w: O_TRUNC | O_CREAT | O_WRONLY,
  wx: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  "w+": O_TRUNC | O_CREAT | O_RDWR,
  "wx+": O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  a: O_APPEND | O_CREAT | O_WRONLY,
  ax: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  as: O_APPEND | O_CREAT | O_WRONLY | O_SYNC,
  "a+": O_APPEND | O_CREAT | O_RDWR,
  "ax+": O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  "as+": O_APPEND | O_CREAT | O_RDWR | O_SYNC,
};

/** Letters in another order that Node takes too. */
const OPEN_FLAG_SYNONYMS: Readonly<Record<string, string>> = {
  sr: "rs",
  "sr+": "rs+",
  xw: "wx",
  "xw+": "wx+",
  xa: "ax",
  sa: "as",
  "xa+": "ax+",
  "sa+": "as+",
};

/** Ours alone to set; the kernel knows no such flags, and ignores what it doesn't know. */
const OWN_OPEN_FLAGS = OpenFlag.FLUSH | OpenFlag.KEPT;

export function toOpenFlags(flags: unknown, name = "flags"): number {
  if (flags === undefined || flags === null) return O_RDONLY;
  if (typeof flags === "number") {
    checkInteger(flags, name, -INT32_MAX - 1, INT32_MAX);
    return flags & ~OWN_OPEN_FLAGS;
  }
  const known =
    typeof flags === "string" ? OPEN_FLAGS[OPEN_FLAG_SYNONYMS[flags] ?? flags] : undefined;
  if (known === undefined) throw invalidArgValue(name, flags);
  return known;
}

export function toMode(mode: unknown, otherwise: number): number {
  if (mode === undefined || mode === null) return otherwise;
  if (typeof mode === "string") {
    if (!/^[0-7]+$/.test(mode)) {
      throw invalidArgValue("mode", mode, "must be a 32-bit unsigned integer or an octal string");
    }
    const parsed = Number.parseInt(mode, 8);
    checkInteger(parsed, "mode", 0, UINT32_MAX);
    return parsed;
  }
  checkInteger(mode, "mode", 0, UINT32_MAX);
  return mode;
}

/** As node:fs has it, whatever is empty is none. */
export function toEncoding(encoding: unknown): BufferEncoding | undefined {
  if (!encoding || encoding === "buffer") return undefined;
  if (typeof encoding === "string" && Buffer.isEncoding(encoding)) return encoding;
  throw invalidArgValue("encoding", encoding, "is invalid encoding");
}
