/** What the job came to: ringpost next to node:fs/promises. */
import { tmpdir } from "node:os";
import Table from "cli-table3";
import { formatNumber } from "../format-number.js";
import { summarize } from "../statistics.js";
import type { Way } from "./file-access.js";
import type { PassResult } from "./pass.js";
import { bytesOf, type Tree } from "./tree.js";

export type Results = Readonly<Record<Way, readonly PassResult[]>>;

const BYTES_PER_MB = 1e6;
const MS_PER_SECOND = 1e3;

/** What is over sooner is mostly start-up, and too short for a delay to be seen. */
const TELLING_MS = 100;

export function summaryTable(tree: Tree, results: Results): string {
  const files = tree.files.length;
  const bytes = bytesOf(tree.files);
  const ours = medianOf(results.ringpost);
  const theirs = medianOf(results["node:fs/promises"]);
  const table = new Table({
    head: ["", "ringpost", "node:fs/promises", "ratio"],
    colAligns: ["left", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  const add = (title: string, digits: number, toValue: (pass: PassResult) => number): void => {
    const values = [toValue(ours), toValue(theirs)] as const;
    const ratio = values[0] / values[1];
    // Of nothing, as in a tree of some small files, there is none.
    const shown = Number.isFinite(ratio) ? `${formatNumber(ratio, 2)} ×` : "–";
    table.push([title, ...values.map((value) => formatNumber(value, digits)), shown]);
  };
  for (const [title, value] of Object.entries({ files, bytes })) {
    table.push([title, formatNumber(value, 0), formatNumber(value, 0), ""]);
  }
  add("files/s", 0, ({ elapsedMs }) => (files / elapsedMs) * MS_PER_SECOND);
  add("MB/s", 1, ({ elapsedMs }) => (bytes / BYTES_PER_MB / elapsedMs) * MS_PER_SECOND);
  add("seconds", 2, ({ elapsedMs }) => elapsedMs / MS_PER_SECOND);
  add("CPU seconds", 2, ({ cpuMs }) => cpuMs / MS_PER_SECOND);
  add("p99 event-loop delay, ms", 1, ({ eventLoopDelayP99Ms }) => eventLoopDelayP99Ms);
  const shortest = Math.min(ours.elapsedMs, theirs.elapsedMs);
  return shortest < TELLING_MS
    ? `${table.toString()}\nThe tree is too small to tell anything: a copy of it takes less than ${TELLING_MS} ms.`
    : table.toString();
}

/** Each value by itself. */
function medianOf(passes: readonly PassResult[]): PassResult {
  const median = (toValue: (pass: PassResult) => number): number =>
    summarize(passes.map(toValue))?.median ?? Number.NaN;
  return {
    elapsedMs: median(({ elapsedMs }) => elapsedMs),
    cpuMs: median(({ cpuMs }) => cpuMs),
    eventLoopDelayP99Ms: median(({ eventLoopDelayP99Ms }) => eventLoopDelayP99Ms),
  };
}

/** What was done, and what of it the clock has seen. */
export function describeJob(tree: Tree, concurrency: number, rounds: number): string {
  const { root, files, folders, links } = tree;
  return [
    `Copied ${root}: files ${count(files)}, folders ${count(folders)}, symbolic links ${count(links)}.`,
    ...skippedLines(tree),
    "Each copy was compared with the original by node:fs: the same, byte for byte.",
    "",
    `Median of ${rounds} ${rounds === 1 ? "round" : "rounds"} of a copy each way, taking turns, each in a process of its own; ${concurrency} files in flight.`,
    `Timed: reading files from the page cache, and writing them to new ones below ${tmpdir()}, not synced to the device.`,
    "Not timed: making folders and links, comparing, emptying and removing. CPU: all threads of the process.",
  ].join("\n");
}

function skippedLines({ skipped }: Tree): string[] {
  const reasons = Object.entries(skipped).map(([reason, count]) => `${count} × ${reason}`);
  return reasons.length === 0 ? [] : [`Skipped: ${reasons.join(", ")}.`];
}

function count(entries: readonly unknown[]): string {
  return formatNumber(entries.length, 0);
}
