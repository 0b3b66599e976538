/** Named pipes: descriptors on which a read waits for as long as a test likes. */
import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";

export interface Fifo {
  readonly path: string;
  /** Open for both directions, so that opening never waits, and reading never ends. */
  readonly fd: number;
  close(): void;
}

export function makeFifoPath(path: string): string {
  execFileSync("mkfifo", [path]);
  return path;
}

export function makeFifo(path: string): Fifo {
  makeFifoPath(path);
  const fd = openSync(path, "r+");
  return { path, fd, close: () => closeSync(fd) };
}
