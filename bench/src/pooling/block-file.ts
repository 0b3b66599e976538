/** A file of 4 KiB blocks, each of which begins with its number: whoever reads one sees that it is the right one. */
import { closeSync, fsyncSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../random.js";

export const BLOCK_BYTES = 4096;
const CHUNK_BYTES = 4 << 20;

export function blockFileIn(folder: string, name: string): string {
  return join(folder, `${name}.blocks`);
}

/** @param bytes a multiple of 4 MiB */
export function makeBlockFile(path: string, bytes: number): void {
  const fd = openSync(path, "w");
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES, 1);
    for (let position = 0; position < bytes; position += CHUNK_BYTES) {
      for (let at = 0; at < CHUNK_BYTES; at += BLOCK_BYTES) {
        chunk.writeUInt32LE((position + at) / BLOCK_BYTES, at);
      }
      writeSync(fd, chunk, 0, CHUNK_BYTES, position);
    }
    // O_DIRECT would wait for what isn't on the device yet.
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Where to read next: random places of a file, each a multiple of the length of a read. */
export class Places {
  readonly #random: Random;
  readonly #bytes: number;
  readonly #count: number;

  constructor(path: string, bytes: number, random: Random) {
    this.#random = random;
    this.#bytes = bytes;
    this.#count = Math.floor(statSync(path).size / bytes);
  }

  next(): number {
    return this.#random.below(this.#count) * this.#bytes;
  }
}

/** Throws unless a read of the whole buffer gave what is at the position. */
export function checkBlock(buffer: Buffer, bytes: number, position: number): void {
  if (bytes !== buffer.length) throw new Error(`A read gave ${bytes} bytes of ${buffer.length}`);
  const number = buffer.readUInt32LE(0);
  if (number !== position / BLOCK_BYTES) {
    throw new Error(`A read at ${position} gave block ${number}`);
  }
}
