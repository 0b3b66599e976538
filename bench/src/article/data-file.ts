/** The file of the experiment: written in full, since the device isn't asked for what was never written. */
import { randomFillSync } from "node:crypto";
import { closeSync, fdatasyncSync, openSync, statfsSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { warmFile } from "../warm-file.js";

const CHUNK_BYTES = 1 << 20;
/** What is left free beside it. */
const SPARE_BYTES = 1 << 30;
const TMPFS_MAGIC = 0x01021994;

const dataFileIn = (folder: string): string => join(folder, "article.dat");

/** @throws an Error where the disk is too full, or no disk at all */
export function makeDataFile(folder: string, bytes: number): void {
  const { type, bavail, bsize } = statfsSync(folder);
  if (type === TMPFS_MAGIC)
    throw new Error(`${folder} is in memory (tmpfs); set TMPDIR to a folder on a disk`);
  if (bavail * bsize < bytes + SPARE_BYTES)
    throw new Error(
      `${folder} has no room for a file of ${bytes} bytes; set TMPDIR to one that has`,
    );
  const fd = openSync(dataFileIn(folder), "wx");
  try {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (let written = 0; written < bytes; ) {
      randomFillSync(chunk); // a device may recognize zeros, or what it has seen before
      written += writeSync(fd, chunk, 0, Math.min(CHUNK_BYTES, bytes - written));
    }
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export interface DataFile {
  readonly path: string;
  readonly bytes: number;
}

/**
 * What a rival finds is the same for all: nothing that the one before has left to be written, and, if the cell is buffered, all of
 * the file in the page cache.
 */
export function prepareDataFile(folder: string, direct: boolean): DataFile {
  const path = dataFileIn(folder);
  const fd = openSync(path, "r+");
  try {
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return { path, bytes: direct ? statSync(path).size : warmFile(path) };
}
