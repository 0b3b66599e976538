/** What the rivals have to do, and how much of it at a time. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { makeSmallFiles, smallFilesIn } from "../small-files.js";
import { warmFile, warmFiles } from "../warm-file.js";
import { blockFileIn, makeBlockFile } from "./block-file.js";
import type { Contender } from "./rivals.js";

/** Operations that an asynchronous engine has under way in each worker. Synchronous fs has one. */
export const IN_FLIGHT_PER_WORKER = 16;
/** Operations, or tasks, that the main thread has under way. */
export const IN_FLIGHT_FROM_MAIN = 64;

const SMALL_FILE_COUNT = 10_000;
const CACHED_BYTES = 64 << 20;
const DIRECT_BYTES = 256 << 20;

export interface Workload {
  readonly title: string;
  /** Who can do it, in the order of the report. */
  readonly contenders: readonly Contender[];
  /** Operations from one sample of the latency to the next; 1 where they take long beside two looks at the clock. */
  readonly sampleStride: number;
  /** @param scale less than 1 makes less: fewer files, or shorter ones */
  makeFixture?(folder: string, seed: number, scale?: number): void;
  /** Brings the files into the page cache, right before each measurement. */
  refresh?(folder: string): void;
}

/** Those in which a task is a loop. */
export type LoopWorkload = "reads" | "direct" | "files" | "hash" | "append";

export type WorkloadName = LoopWorkload | "offload";

const LOOPERS: readonly Contender[] = ["sync", "promises", "tuned", "shared", "main"];

export const WORKLOADS: Readonly<Record<WorkloadName, Workload>> = {
  reads: {
    title: "Random reads of 4 KiB, from a file of 64 MiB in the page cache",
    contenders: [...LOOPERS, "tinypool"],
    sampleStride: 17,
    makeFixture: makeCachedFile,
    refresh: warmCachedFile,
  },
  direct: {
    title: "Random reads of 4 KiB with O_DIRECT, from a file of 256 MiB",
    contenders: LOOPERS,
    sampleStride: 1,
    makeFixture: (folder, _seed, scale = 1) =>
      makeBlockFile(blockFileIn(folder, "direct"), DIRECT_BYTES * scale),
  },
  files: {
    title: `Whole files, ${SMALL_FILE_COUNT.toLocaleString("en")} of 2 to 8 KiB, in the page cache, in random order`,
    contenders: LOOPERS,
    sampleStride: 5,
    makeFixture: (folder, seed, scale = 1) =>
      makeSmallFiles(smallFilesIn(folder, SMALL_FILE_COUNT * scale), seed),
    refresh: (folder) => warmFiles(smallFilesOf(folder)),
  },
  hash: {
    title: "Random reads of 64 KiB in the page cache, and the SHA-256 of each",
    contenders: LOOPERS,
    sampleStride: 3,
    makeFixture: makeCachedFile,
    refresh: warmCachedFile,
  },
  append: {
    title: "Appends of 4 KiB to a log for each thread, and an fdatasync after each",
    contenders: LOOPERS,
    sampleStride: 1,
  },
  offload: {
    title: "Offload: one task is one cached read of 4 KiB, and the main thread needs the bytes",
    contenders: ["sync", "copied", "main", "tinypool"],
    sampleStride: 7,
    makeFixture: makeCachedFile,
    refresh: warmCachedFile,
  },
};

export const workloadNames: readonly WorkloadName[] = Object.keys(WORKLOADS) as WorkloadName[]; // the keys of a constant

export function workloadNamed(name: string): Workload {
  const known = workloadNames.find((workload) => workload === name);
  if (known === undefined) throw new Error(`No workload is called ${name}`);
  return WORKLOADS[known];
}

/** Each thread has a log of its own. */
export function logIn(folder: string, thread: number): string {
  return join(folder, `append-${thread}.log`);
}

/** The small files that were made there. */
export function smallFilesOf(folder: string): string[] {
  const isSmall = (name: string): boolean => name.startsWith("small-");
  return readdirSync(folder)
    .filter(isSmall)
    .map((name) => join(folder, name));
}

function makeCachedFile(folder: string, _seed: number, scale = 1): void {
  makeBlockFile(blockFileIn(folder, "cached"), CACHED_BYTES * scale);
}

function warmCachedFile(folder: string): void {
  warmFile(blockFileIn(folder, "cached"));
}
