/** The parts of a copy that ringpost has no operations for yet: folders and symbolic links. */
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Tree } from "./tree.js";

/** The owner must be able to fill a folder, and to remove it. */
const OWNER_ALL = 0o700;

/** Expects a umask of 0. */
export function makeSkeleton({ folders, links }: Tree, target: string): void {
  mkdirSync(target);
  for (const { path, mode } of folders) mkdirSync(join(target, path), { mode: mode | OWNER_ALL });
  for (const link of links) symlinkSync(link.target, join(target, link.path));
}
