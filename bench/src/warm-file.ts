import { closeSync, constants, openSync, readSync } from "node:fs";

const CHUNK_BYTES = 1 << 20;
const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);

/** Reads a whole file, so that it is in the page cache. Returns its bytes. */
export function warmFile(path: string): number {
  // A file that has its reader wait (some of /proc) says EAGAIN instead.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    let total = 0;
    for (;;) {
      const bytes = readSync(fd, chunk);
      if (bytes === 0) return total;
      total += bytes;
    }
  } finally {
    closeSync(fd);
  }
}

export function warmFiles(paths: readonly string[]): void {
  for (const path of paths) warmFile(path);
}
