/** What there is to copy: a walk over a folder, with node:fs. */
import { isUtf8 } from "node:buffer";
import type { Dirent } from "node:fs";
import { lstat, readdir, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { warmFile } from "../warm-file.js";

/** Paths are relative to the root. */
export interface TreeFile {
  readonly path: string;
  readonly bytes: number;
  readonly mode: number;
}

export interface TreeFolder {
  readonly path: string;
  readonly mode: number;
}

export interface TreeLink {
  readonly path: string;
  readonly target: string;
}

export interface Tree {
  readonly root: string;
  readonly files: TreeFile[];
  /** Parents come before their children. */
  readonly folders: TreeFolder[];
  readonly links: TreeLink[];
  /** How many entries can't be copied, by the reason. */
  readonly skipped: Record<string, number>;
}

/** What is to be said to who started the job; needs no stack. */
export class JobError extends Error {}

/** Permissions; not the set-user-id and sticky bits, which a copy shouldn't have. */
const PERMISSIONS = 0o777;

export async function walkTree(root: string, signal?: AbortSignal): Promise<Tree> {
  await checkFolder(root);
  const tree: Tree = { root, files: [], folders: [], links: [], skipped: {} };
  const waiting = [""];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    signal?.throwIfAborted();
    waiting.push(...(await listFolder(tree, folder)));
  }
  return tree;
}

/**
 * Reads all files once, so that they are in the page cache. Those that can't be read leave the tree, and are counted. Sizes
 * are what there was to read.
 */
export async function warmTree(
  tree: Tree,
  onFile: (done: number) => void,
  signal?: AbortSignal,
): Promise<Tree> {
  const skipped = { ...tree.skipped };
  const files: TreeFile[] = [];
  for (const [nth, file] of tree.files.entries()) {
    try {
      files.push({ ...file, bytes: warmFile(join(tree.root, file.path)) });
    } catch (error) {
      skip(skipped, reasonOf(error));
    }
    onFile(nth + 1);
    if (nth % FILES_PER_TURN === 0) await turn(signal);
  }
  return { ...tree, files, skipped };
}

/** Files that are handled by synchronous calls before the event loop gets its turn. */
export const FILES_PER_TURN = 32;

/** Lets signals and timers through. */
export async function turn(signal?: AbortSignal): Promise<void> {
  await new Promise(setImmediate);
  signal?.throwIfAborted();
}

export function bytesOf(files: readonly TreeFile[]): number {
  return files.reduce((total, { bytes }) => total + bytes, 0);
}

async function checkFolder(root: string): Promise<void> {
  try {
    if ((await stat(root)).isDirectory()) return;
  } catch (error) {
    if (codeOf(error) === "ENOENT") throw new JobError(`There is no ${root}`);
    throw new JobError(`Can't look at ${root}: ${reasonOf(error)}`);
  }
  throw new JobError(`${root} is not a directory`);
}

/** Adds a folder's entries to the tree. Returns the paths of its folders. */
async function listFolder(tree: Tree, folder: string): Promise<string[]> {
  let entries: Dirent<Buffer>[];
  try {
    entries = await readdir(join(tree.root, folder), { withFileTypes: true, encoding: "buffer" });
  } catch (error) {
    if (folder === "") throw new JobError(`Can't list ${tree.root}: ${reasonOf(error)}`);
    skip(tree.skipped, reasonOf(error));
    return [];
  }
  const folders: string[] = [];
  for (const entry of entries) {
    if (!isUtf8(entry.name)) {
      skip(tree.skipped, "name is not UTF-8");
      continue;
    }
    const path = join(folder, entry.name.toString());
    try {
      if (await addEntry(tree, entry, path)) folders.push(path);
    } catch (error) {
      skip(tree.skipped, reasonOf(error));
    }
  }
  return folders;
}

/** Returns whether it is a folder. */
async function addEntry(tree: Tree, entry: Dirent<Buffer>, path: string): Promise<boolean> {
  const absolute = join(tree.root, path);
  if (entry.isSymbolicLink()) {
    tree.links.push({ path, target: await readlink(absolute) });
  } else if (entry.isDirectory()) {
    tree.folders.push({ path, mode: (await lstat(absolute)).mode & PERMISSIONS });
    return true;
  } else if (entry.isFile()) {
    const { size, mode } = await lstat(absolute);
    tree.files.push({ path, bytes: size, mode: mode & PERMISSIONS });
  } else {
    skip(tree.skipped, specialKind(entry));
  }
  return false;
}

function specialKind(entry: Dirent<Buffer>): string {
  if (entry.isFIFO()) return "FIFO";
  if (entry.isSocket()) return "socket";
  if (entry.isCharacterDevice() || entry.isBlockDevice()) return "device";
  return "of unknown kind";
}

function skip(skipped: Record<string, number>, reason: string): void {
  skipped[reason] = (skipped[reason] ?? 0) + 1;
}

function reasonOf(error: unknown): string {
  return codeOf(error) ?? String(error);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
