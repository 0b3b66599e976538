/** The job itself: copies files, so many at a time, whichever way to them is given. */
import { join } from "node:path";
import { ByteBudget } from "./byte-budget.js";
import type { FileAccess, OpenFile } from "./file-access.js";
import type { TreeFile } from "./tree.js";

/** Larger files are not read whole: readFile ends at 2 GiB, and memory before. */
export const WHOLE_FILE_BYTES: number = 64 << 20;
const CHUNK_BYTES = 1 << 20;
/** Of all files that are being copied. */
const MEMORY_BYTES = 256 << 20;

export interface CopyOptions {
  readonly from: string;
  /** Has all the folders already. */
  readonly to: string;
  /** Files at a time. */
  readonly concurrency: number;
  readonly onFile?: (done: number) => void;
  /** For tests; {@link WHOLE_FILE_BYTES}. */
  readonly wholeFileBytes?: number;
}

export async function copyFiles(
  access: FileAccess,
  files: readonly TreeFile[],
  { from, to, concurrency, onFile, wholeFileBytes = WHOLE_FILE_BYTES }: CopyOptions,
): Promise<void> {
  const budget = new ByteBudget(MEMORY_BYTES);
  let nextIndex = 0;
  let done = 0;

  async function copyOne({ path, bytes, mode }: TreeFile): Promise<void> {
    const source = join(from, path);
    const target = join(to, path);
    const isWhole = bytes <= wholeFileBytes;
    const taken = await budget.take(isWhole ? bytes : CHUNK_BYTES);
    if (isWhole) await access.writeFile(target, await access.readFile(source), mode);
    else await copyInChunks(access, source, target, mode);
    budget.give(taken);
    onFile?.(++done);
  }

  async function copyUntilNoneIsLeft(): Promise<void> {
    try {
      for (let file = files[nextIndex++]; file !== undefined; file = files[nextIndex++])
        await copyOne(file);
    } catch (error) {
      nextIndex = files.length; // the others stop, too
      throw error;
    }
  }
  await Promise.all(Array.from({ length: concurrency }, copyUntilNoneIsLeft));
}

async function copyInChunks(
  access: FileAccess,
  source: string,
  target: string,
  mode: number,
): Promise<void> {
  const input = await access.open(source, "r");
  try {
    const output = await access.open(target, "w", mode);
    try {
      await moveChunks(input, output);
    } finally {
      await output.close();
    }
  } finally {
    await input.close();
  }
}

async function moveChunks(input: OpenFile, output: OpenFile): Promise<void> {
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  for (let position = 0; ; ) {
    const bytes = await input.read(chunk, position);
    if (bytes === 0) return;
    for (let written = 0; written < bytes; ) {
      written += await output.write(chunk.subarray(written, bytes), position + written);
    }
    position += bytes;
  }
}
