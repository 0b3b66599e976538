/** Many small files, as a build tool or a server of static files has them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "./random.js";

const SMALLEST_BYTES = 2048;
export const LARGEST_BYTES = 8192;

export function smallFilesIn(folder: string, count: number): string[] {
  return Array.from({ length: count }, (_, nth) => join(folder, `small-${nth}.dat`));
}

export function makeSmallFiles(paths: readonly string[], seed: number): void {
  const random = new Random(seed);
  for (const path of paths) {
    const bytes = SMALLEST_BYTES + random.below(LARGEST_BYTES - SMALLEST_BYTES + 1);
    writeFileSync(path, Buffer.alloc(bytes, 1));
  }
}

export function checkContent({ length }: { readonly length: number }): void {
  if (length < SMALLEST_BYTES || length > LARGEST_BYTES)
    throw new Error(`A file came back with ${length} bytes`);
}
