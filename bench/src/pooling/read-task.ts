/** The task that is one synchronous read, for a main thread that needs the bytes. */
import { openSync, readSync } from "node:fs";
import { BLOCK_BYTES } from "./block-file.js";

export interface ReadTask {
  readonly path: string;
  readonly position: number;
}

let fd: number | undefined;

/** In memory of its own, so that it can be moved to the other thread. */
export function readBlock({ path, position }: ReadTask): Buffer {
  fd ??= openSync(path, "r");
  const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  const bytes = readSync(fd, buffer, 0, BLOCK_BYTES, position);
  return bytes === BLOCK_BYTES ? buffer : buffer.subarray(0, bytes);
}
