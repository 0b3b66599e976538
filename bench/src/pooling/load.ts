/** What one thread does in a trial; sync-loads.ts, promises-loads.ts and ringpost-loads.ts have the ways to do it. */

import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { ClosedLoop, runPromises, type Tally } from "../closed-loop.js";
import { Random } from "../random.js";
import { BLOCK_BYTES, blockFileIn, checkBlock, Places } from "./block-file.js";
import { type LoopWorkload, logIn, smallFilesOf, WORKLOADS } from "./workloads.js";

/** Where a thread works. */
export interface Surroundings {
  readonly folder: string;
  /** Of this thread alone. */
  readonly seed: number;
  readonly thread: number;
  /** Operations under way at a time; synchronous loads have one. */
  readonly inFlight: number;
}

/** Runs until the loop is over. */
export type Load = (loop: ClosedLoop) => Promise<void> | void;

/** All workloads in one way of file I/O. */
export type Loads = Readonly<Record<LoopWorkload, (around: Surroundings) => Promise<Load> | Load>>;

/** What a way of file I/O has to bring along. */
export interface Way {
  reads(source: Source, around: Surroundings): Promise<Load> | Load;
  files(nextPath: () => string, around: Surroundings): Promise<Load> | Load;
  append(log: Log, around: Surroundings): Promise<Load> | Load;
}

/** A file to read from, and how. */
export interface Source {
  readonly path: string;
  readonly flags: number;
  readonly places: Places;
  /** Of each read. */
  readonly bytes: number;
  /** What a read is for. */
  readonly use: (buffer: Buffer) => void;
}

const HASHED_BYTES = 65_536;
export const RECORD_BYTES = 4096;
const DIGEST_BYTES = 32;

export function loadsOf(way: Way): Loads {
  const ignore = (): void => undefined;
  return {
    reads: (around) => way.reads(cachedSource(around, BLOCK_BYTES, ignore), around),
    direct: (around) => way.reads(directSource(around), around),
    files: (around) => way.files(pathPicker(around), around),
    hash: (around) => way.reads(cachedSource(around, HASHED_BYTES, checkedHash), around),
    append: (around) => way.append(new Log(around), around),
  };
}

function cachedSource(
  { folder, seed }: Surroundings,
  bytes: number,
  use: (buffer: Buffer) => void,
): Source {
  const path = blockFileIn(folder, "cached");
  const places = new Places(path, bytes, new Random(seed));
  return { path, flags: constants.O_RDONLY, places, bytes, use };
}

function directSource({ folder, seed }: Surroundings): Source {
  const path = blockFileIn(folder, "direct");
  const places = new Places(path, BLOCK_BYTES, new Random(seed));
  const flags = constants.O_RDONLY | constants.O_DIRECT;
  return { path, flags, places, bytes: BLOCK_BYTES, use: () => undefined };
}

/** Random ones of the small files. */
function pathPicker({ folder, seed }: Surroundings): () => string {
  const paths = smallFilesOf(folder);
  const random = new Random(seed);
  return () => paths[random.below(paths.length)]!;
}

function checkedHash(bytes: Buffer): void {
  const digest = createHash("sha256").update(bytes).digest();
  if (digest.length !== DIGEST_BYTES) throw new Error(`A digest has ${digest.length} bytes`);
}

/** A log that is written from its beginning, record after record: who appends keeps the end in mind. */
export class Log {
  readonly path: string;
  readonly record: Buffer = Buffer.alloc(RECORD_BYTES, 1);
  #end = 0;

  constructor({ folder, thread }: Surroundings) {
    this.path = logIn(folder, thread);
  }

  /** The place of the next record. */
  next(): number {
    const position = this.#end;
    this.#end += RECORD_BYTES;
    return position;
  }
}

export function checkWritten(bytes: number): void {
  if (bytes !== RECORD_BYTES) throw new Error(`A write took ${bytes} bytes of ${RECORD_BYTES}`);
}

const WASM_PAGE_BYTES = 65_536;
/** The types of Node 20 don't have it. */
const webAssembly = Reflect.get(globalThis, "WebAssembly") as {
  Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
};

/** Memory to read into. What O_DIRECT reads into begins with a page, as the memory of WebAssembly does. */
export function buffersFor({ flags, bytes }: Source, count: number): Buffer[] {
  if ((flags & constants.O_DIRECT) === 0) {
    return Array.from({ length: count }, () => Buffer.allocUnsafeSlow(bytes));
  }
  const pages = Math.ceil((count * bytes) / WASM_PAGE_BYTES);
  const { buffer } = new webAssembly.Memory({ initial: pages });
  return Array.from({ length: count }, (_, nth) => Buffer.from(buffer, nth * bytes, bytes));
}

/** Reads by promises, one chain of them for each buffer. */
export function runReads<T>(
  { places, use }: Source,
  buffers: readonly Buffer[],
  read: (buffer: Buffer, position: number) => Promise<T>,
  bytesOf: (result: T) => number,
): Load {
  const positions = buffers.map(() => 0);
  return (loop) =>
    runPromises(
      loop,
      buffers.length,
      (chain) => {
        const position = places.next();
        positions[chain] = position;
        return read(buffers[chain]!, position);
      },
      (result, chain) => {
        const buffer = buffers[chain]!;
        checkBlock(buffer, bytesOf(result), positions[chain]!);
        use(buffer);
      },
    );
}

export async function runLoad(
  workload: LoopWorkload,
  load: Load,
  durationMs: number,
): Promise<Tally> {
  const loop = new ClosedLoop(durationMs, WORKLOADS[workload].sampleStride);
  await load(loop);
  return loop.tally;
}
