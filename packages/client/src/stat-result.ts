/** A `struct statx` (include/uapi/linux/stat.h) as the Stats of node:fs. */

import { type BigIntStats, type Stats, Stats as StatsClass, statSync } from "node:fs";
import { littleEndian } from "./byte-order.js";

/** Offsets in bytes of the fields of `struct statx`. */
const Field = {
  MASK: 0,
  BLKSIZE: 4,
  ATTRIBUTES: 8,
  NLINK: 16,
  UID: 20,
  GID: 24,
  MODE: 28,
  INO: 32,
  SIZE: 40,
  BLOCKS: 48,
  ATTRIBUTES_MASK: 56,
  ATIME: 64,
  BTIME: 80,
  CTIME: 96,
  MTIME: 112,
  RDEV_MAJOR: 128,
  RDEV_MINOR: 132,
  DEV_MAJOR: 136,
  DEV_MINOR: 140,
  MOUNT_ID: 144,
  DIO_MEMORY_ALIGN: 152,
  DIO_OFFSET_ALIGN: 156,
} as const;

/** STATX_BASIC_STATS | STATX_BTIME of include/uapi/linux/stat.h: all that Stats has. */
export const STATX_ALL = 0xfff;

const NS_PER_SECOND = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;

/** Major and minor number as one, the way glibc's makedev packs them. */
function makeDevice(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & ~0xfffn) << 32n) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | (low & 0xffn)
  );
}

/** Reads a statx; times as seconds and nanoseconds. */
function readFields(values: DataView, at: number) {
  const u32 = (offset: number): number => values.getUint32(at + offset, littleEndian);
  const u64 = (offset: number): bigint => values.getBigUint64(at + offset, littleEndian);
  const time = (offset: number) => ({
    seconds: values.getBigInt64(at + offset, littleEndian),
    ns: values.getUint32(at + offset + 8, littleEndian),
  });
  return {
    dev: makeDevice(u32(Field.DEV_MAJOR), u32(Field.DEV_MINOR)),
    mode: values.getUint16(at + Field.MODE, littleEndian),
    nlink: u32(Field.NLINK),
    uid: u32(Field.UID),
    gid: u32(Field.GID),
    rdev: makeDevice(u32(Field.RDEV_MAJOR), u32(Field.RDEV_MINOR)),
    blksize: u32(Field.BLKSIZE),
    ino: u64(Field.INO),
    size: u64(Field.SIZE),
    blocks: u64(Field.BLOCKS),
    atime: time(Field.ATIME),
    mtime: time(Field.MTIME),
    ctime: time(Field.CTIME),
    birthtime: time(Field.BTIME),
  };
}

interface Time {
  readonly seconds: bigint;
  readonly ns: number;
}

const toMs = ({ seconds, ns }: Time): number => Number(seconds) * 1000 + ns / 1e6;
const toNs = ({ seconds, ns }: Time): bigint => seconds * NS_PER_SECOND + BigInt(ns);

/** From Node 22 on the prototype makes the dates when they are asked for; before, they are properties. */
const datesAreLazy = "atime" in StatsClass.prototype;

function dates(atimeMs: number, mtimeMs: number, ctimeMs: number, birthtimeMs: number) {
  // Node rounds as it does for its own Stats: half a millisecond up.
  const date = (ms: number): Date => new Date(Math.round(ms));
  return {
    atime: date(atimeMs),
    mtime: date(mtimeMs),
    ctime: date(ctimeMs),
    birthtime: date(birthtimeMs),
  };
}

const timeNames = ["atime", "mtime", "ctime", "birthtime"] as const;

/** From Node 26 on, symbols of Node's own hold the nanoseconds of each time, for `atimeInstant` and the like. */
let nanosecondSymbols: readonly (readonly [symbol, (typeof timeNames)[number]])[] | undefined;

function findNanosecondSymbols(): NonNullable<typeof nanosecondSymbols> {
  return Object.getOwnPropertySymbols(statSync("/")).flatMap((symbol) => {
    const name = timeNames.find((time) => symbol.description?.toLowerCase().includes(`${time}ns`));
    return name === undefined ? [] : [[symbol, name] as const];
  });
}

export function toStats(values: DataView, at: number): Stats {
  const raw = readFields(values, at);
  const atimeMs = toMs(raw.atime);
  const mtimeMs = toMs(raw.mtime);
  const ctimeMs = toMs(raw.ctime);
  const birthtimeMs = toMs(raw.birthtime);
  const fields = {
    dev: Number(raw.dev),
    mode: raw.mode,
    nlink: raw.nlink,
    uid: raw.uid,
    gid: raw.gid,
    rdev: Number(raw.rdev),
    blksize: raw.blksize,
    ino: Number(raw.ino),
    size: Number(raw.size),
    blocks: Number(raw.blocks),
    atimeMs,
    mtimeMs,
    ctimeMs,
    birthtimeMs,
  };
  // Not `new Stats`: its constructor is deprecated (DEP0180).
  const stats = Object.assign(Object.create(StatsClass.prototype) as Stats, fields);
  if (!datesAreLazy) return Object.assign(stats, dates(atimeMs, mtimeMs, ctimeMs, birthtimeMs));
  nanosecondSymbols ??= findNanosecondSymbols();
  for (const [symbol, name] of nanosecondSymbols) Object.assign(stats, { [symbol]: raw[name].ns });
  return stats;
}

let bigintPrototype: object | undefined;

export function toBigIntStats(values: DataView, at: number): BigIntStats {
  bigintPrototype ??= Object.getPrototypeOf(statSync("/", { bigint: true })) as object;
  const raw = readFields(values, at);
  const fields = {
    dev: raw.dev,
    mode: BigInt(raw.mode),
    nlink: BigInt(raw.nlink),
    uid: BigInt(raw.uid),
    gid: BigInt(raw.gid),
    rdev: raw.rdev,
    blksize: BigInt(raw.blksize),
    ino: raw.ino,
    size: raw.size,
    blocks: raw.blocks,
    atimeMs: toNs(raw.atime) / NS_PER_MS,
    mtimeMs: toNs(raw.mtime) / NS_PER_MS,
    ctimeMs: toNs(raw.ctime) / NS_PER_MS,
    birthtimeMs: toNs(raw.birthtime) / NS_PER_MS,
    atimeNs: toNs(raw.atime),
    mtimeNs: toNs(raw.mtime),
    ctimeNs: toNs(raw.ctime),
    birthtimeNs: toNs(raw.birthtime),
  };
  const stats = Object.assign(Object.create(bigintPrototype) as BigIntStats, fields);
  if (datesAreLazy) return stats;
  return Object.assign(
    stats,
    dates(
      Number(fields.atimeMs),
      Number(fields.mtimeMs),
      Number(fields.ctimeMs),
      Number(fields.birthtimeMs),
    ),
  );
}

/** What statx(2) says, as far as `mask` says that it does; times in ns since 1970. */
export interface Statx {
  readonly mask: number;
  readonly attributes: bigint;
  readonly attributesMask: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: bigint;
  readonly size: bigint;
  readonly blksize: number;
  readonly blocks: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;
  /** Linux 5.8. */
  readonly mountId: bigint;
  /** What O_DIRECT has to be aligned to, in bytes: memory; offset and length. Linux 6.1; 0 where it isn't told. */
  readonly dioMemoryAlign: number;
  readonly dioOffsetAlign: number;
}

export function toStatx(values: DataView, at: number): Statx {
  const u32 = (offset: number): number => values.getUint32(at + offset, littleEndian);
  const u64 = (offset: number): bigint => values.getBigUint64(at + offset, littleEndian);
  const { atime, mtime, ctime, birthtime, ...fields } = readFields(values, at);
  return {
    mask: u32(Field.MASK),
    attributes: u64(Field.ATTRIBUTES),
    attributesMask: u64(Field.ATTRIBUTES_MASK),
    ...fields,
    atimeNs: toNs(atime),
    mtimeNs: toNs(mtime),
    ctimeNs: toNs(ctime),
    birthtimeNs: toNs(birthtime),
    mountId: u64(Field.MOUNT_ID),
    dioMemoryAlign: u32(Field.DIO_MEMORY_ALIGN),
    dioOffsetAlign: u32(Field.DIO_OFFSET_ALIGN),
  };
}
