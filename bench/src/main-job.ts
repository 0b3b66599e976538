/**
 * `npm start [-- DIR]`, the main job: copies a real tree through ringpost, with many files in flight, verifies the copy byte for
 * byte, and does the same with node:fs/promises beside it.
 */
import {
  chmodSync,
  mkdtempSync,
  renameSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { freemem, tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { runInChild } from "./child-process.js";
import type { Way } from "./main-job/file-access.js";
import type { PassResult, PassTask } from "./main-job/pass.js";
import { describeJob, type Results, summaryTable } from "./main-job/summary.js";
import { bytesOf, JobError, type Tree, walkTree, warmTree } from "./main-job/tree.js";
import { verifyCopy } from "./main-job/verify.js";
import { Progress } from "./progress.js";
import { wholeNumber } from "./whole-number.js";
import { Interrupted, withWorkFolder } from "./work-folder.js";

interface Options {
  readonly concurrency: number;
  /** undefined: as many as fit. */
  readonly rounds?: number;
  readonly keep?: true;
}

const OWN_MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));
const TREE_FILE = "tree.json";
const PASS_ENTRY = new URL("./main-job/pass.js", import.meta.url);

const USUAL_ROUNDS = 3;
/** Unless a number of rounds is asked for, none begins that would end later than this. */
const PATIENCE_MS = 40_000;

/** A pass that moves less than this is stuck. */
const SLOWEST_BYTES_PER_MS = 1000;
const SLOWEST_FILE_MS = 20;
const PASS_SPARE_MS = 60_000;

/** What a file takes on the disk beyond its bytes, at most. */
const BLOCK_BYTES = 4096;

await new Command("npm start --")
  .description("Copies a tree through ringpost, verifies it, and compares with node:fs/promises.")
  .argument("[dir]", "the tree to copy; ringpost's own node_modules")
  .option("--concurrency <n>", "files in flight", wholeNumber(1, 4096), 64)
  .option(
    "--rounds <n>",
    "copies made each way (default: 3, fewer of a large tree)",
    wholeNumber(1, 1000),
  )
  .option("--keep", "leaves a copy made through ringpost below the temporary folder")
  .action(main)
  .parseAsync();

async function main(dir: string | undefined, options: Options): Promise<void> {
  const progress = new Progress("files");
  try {
    const tree = await prepareTree(dir, options, progress);
    const results = await withWorkFolder("ringpost-main-job-", (folder, signal) =>
      runRounds(tree, options, { folder, signal, progress }),
    );
    progress.end();
    console.log(
      `${describeJob(tree, options.concurrency, results.ringpost.length)}\n${summaryTable(tree, results)}`,
    );
  } catch (error) {
    progress.end();
    if (!(error instanceof Error)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
  }
}

async function prepareTree(
  dir: string | undefined,
  options: Options,
  progress: Progress,
): Promise<Tree> {
  // npm runs scripts in the folder of its package.json, and says where it was called.
  const root = dir === undefined ? OWN_MODULES : resolve(process.env.INIT_CWD ?? "", dir);
  const walked = await walkTree(root);
  checkSize(walked, options.keep ? 2 : 1);
  progress.begin("reading everything once, so that it is in the page cache", walked.files.length);
  const tree = await warmTree(walked, (done) => progress.update(done));
  if (tree.files.length === 0) throw new JobError(`There is nothing to copy in ${root}`);
  return tree;
}

/** @param copyCount copies that are there at a time */
function checkSize({ root, files }: Tree, copyCount: number): void {
  const bytes = (bytesOf(files) + files.length * BLOCK_BYTES) * copyCount;
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bytes > bavail * bsize) {
    throw new JobError(
      `The copy of ${root} needs ${toMegabytes(bytes)}, and ${tmpdir()} has ${toMegabytes(bavail * bsize)} free; set TMPDIR to another folder`,
    );
  }
  // The original wants to be in the page cache, too.
  if (bytes + bytesOf(files) > freemem()) {
    process.stderr.write(
      `The tree and its copy (${toMegabytes(bytes + bytesOf(files))}) don't fit into free memory: the device is part of what is measured.\n`,
    );
  }
}

interface Surroundings {
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

async function runRounds(tree: Tree, options: Options, around: Surroundings): Promise<Results> {
  writeFileSync(join(around.folder, TREE_FILE), JSON.stringify(tree));
  const results: Record<Way, PassResult[]> = { ringpost: [], "node:fs/promises": [] };
  const rounds = options.rounds ?? USUAL_ROUNDS;
  const startedAt = performance.now();
  const kept = join(around.folder, "kept");
  for (let round = 0; round < rounds; round++) {
    const spentMs = performance.now() - startedAt;
    if (options.rounds === undefined && round > 0 && (spentMs / round) * (round + 1) > PATIENCE_MS)
      break;
    // Who goes first finds another disk cache than who goes second.
    const order: Way[] =
      round % 2 === 0 ? ["ringpost", "node:fs/promises"] : ["node:fs/promises", "ringpost"];
    for (const way of order) {
      const step = `${way}, round ${round + 1} of ${rounds}`;
      const target = join(around.folder, `copy ${round} by ${basename(way)}`);
      results[way].push(await runPass(tree, { way, step, target, options }, around));
      if (options.keep && way === "ringpost" && round === 0) renameSync(target, kept);
      else emptyCopy(tree, target);
    }
  }
  if (options.keep) moveOut(tree, kept);
  return results;
}

interface Pass {
  readonly way: Way;
  readonly step: string;
  readonly target: string;
  readonly options: Options;
}

async function runPass(
  tree: Tree,
  { way, step, target, options }: Pass,
  { folder, signal, progress }: Surroundings,
): Promise<PassResult> {
  const fileCount = tree.files.length;
  const onFile = (done: number): void => progress.update(done);
  progress.begin(`copying: ${step}`, fileCount);
  const result = await runInChild<PassResult>({
    entry: PASS_ENTRY,
    task: {
      way,
      treeFile: join(folder, TREE_FILE),
      target,
      concurrency: options.concurrency,
    } satisfies PassTask,
    deadlineMs:
      PASS_SPARE_MS + fileCount * SLOWEST_FILE_MS + bytesOf(tree.files) / SLOWEST_BYTES_PER_MS,
    signal,
    onProgress: onFile,
  });
  progress.begin(`comparing: ${step}`, fileCount);
  await verifyCopy(tree, target, onFile, signal);
  return result;
}

/**
 * Gives its space back. What has been removed is in the way of the next copy: ext4 without a journal doesn't use the inode of a file that
 * was removed in the last minutes, and steps over each of them to create another (recently_deleted of fs/ext4/ialloc.c), ten times as long.
 */
function emptyCopy({ files }: Tree, copy: string): void {
  for (const { path } of files) {
    const file = join(copy, path);
    chmodSync(file, 0o600); // it may be read-only
    truncateSync(file);
  }
}

/** Out of the folder that is removed at the end. */
function moveOut(tree: Tree, kept: string): void {
  const target = join(mkdtempSync(join(tmpdir(), "ringpost-copy-")), basename(tree.root) || "root");
  renameSync(kept, target);
  process.stderr.write(`A copy made through ringpost stays in ${target}\n`);
}

function toMegabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6).toLocaleString("en")} MB`;
}
