/** Descriptors that a test opens by node:fs, and how many the process has. */
import { closeSync, constants, openSync, readdirSync, readlinkSync } from "node:fs";
import type { Engine } from "ringpost";
import { afterEach, type TestContext } from "vitest";
import { hasPollQueues, NO_POLL_QUEUES } from "./poll-queues.js";

/** What the descriptors of this process stand for: a path, or a kind of thing. */
export function listDescriptors(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the one that read the list
    }
  });
}

/** How many of them are open below this directory, to see that none leaks. */
export function countDescriptors(below: string): number {
  return listDescriptors().filter((target) => target.startsWith(below)).length;
}

export interface Descriptors {
  /** Opens a file; closed after the test. */
  open(path: string, flags?: string | number): number;
  /** The same, past the page cache; skips the test where the file system can't, or can't be polled and the engine would. */
  openDirect(context: TestContext, engine: Engine, path: string, flags: number): number;
  /** Closes this one after the test, too. */
  keep(fd: number): number;
}

export function useDescriptors(): Descriptors {
  const kept: number[] = [];
  afterEach(() => {
    for (const fd of kept.splice(0)) closeSync(fd);
  });
  const keep = (fd: number): number => {
    kept.push(fd);
    return fd;
  };
  const open = (path: string, flags: string | number = "r"): number => keep(openSync(path, flags));
  const openDirect: Descriptors["openDirect"] = (context, engine, path, flags) => {
    if (engine.report.polledRing && hasPollQueues(path) !== true) {
      return context.skip(NO_POLL_QUEUES);
    }
    try {
      return open(path, flags | constants.O_DIRECT);
    } catch (error) {
      return context.skip(`the file system has no O_DIRECT (${String(error)})`);
    }
  };
  return { keep, open, openDirect };
}
