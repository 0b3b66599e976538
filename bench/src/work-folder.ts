/** A temporary folder that goes away whatever happens: success, failure, Ctrl-C. */
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

/** The reason of the signal that {@link withWorkFolder} hands out, once somebody has asked the process to end. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`Interrupted by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

const ENDING_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** @param work is to stop soon after the signal aborts; only then is the folder removed */
export async function withWorkFolder<T>(
  prefix: string,
  work: (folder: string, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  // Stays on until the folder is gone: npm passes a Ctrl-C on to a process that has already had it from the terminal.
  const interrupt = (signal: NodeJS.Signals): void => abort.abort(new Interrupted(signal));
  for (const signal of ENDING_SIGNALS) process.on(signal, interrupt);
  const folder = mkdtempSync(join(tmpdir(), prefix));
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.on("exit", remove); // an uncaught error skips `finally`
  try {
    return await work(folder, abort.signal);
  } finally {
    remove();
    process.off("exit", remove);
    for (const signal of ENDING_SIGNALS) process.off(signal, interrupt);
  }
}
