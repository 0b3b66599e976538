/** mkdir with `recursive`: the missing folders above, too. */
import { dirname } from "node:path";
import { operationError } from "./node-errors.js";

export interface DirectoryMaker {
  /** Makes one directory. */
  mkdir(path: string, mode: number): Promise<void>;
  isDirectory(path: string): Promise<boolean>;
}

const ENOENT = -2;
const ENOTDIR = -20;

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code;

/**
 * Returns the first directory that it made, as node:fs does: undefined where all of them were there.
 * @param isAbove whether it is for the sake of one below
 */
export async function makeDirectories(
  maker: DirectoryMaker,
  path: string,
  mode: number,
  isAbove = false,
): Promise<string | undefined> {
  try {
    return await makeOne(maker, path, mode, isAbove);
  } catch (error) {
    const above = dirname(path);
    if (codeOf(error) !== "ENOENT" || above === path) throw error;
    const first = await makeDirectories(maker, above, mode, true);
    // Once more, not again and again: of "", below a folder that is removed, and in /proc the kernel says ENOENT for ever.
    const made = await makeOne(maker, path, mode, isAbove);
    return first ?? made;
  }
}

/** Returns its path, or undefined where it was there. */
async function makeOne(
  maker: DirectoryMaker,
  path: string,
  mode: number,
  isAbove: boolean,
): Promise<string | undefined> {
  try {
    await maker.mkdir(path, mode);
    return path;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    const there = await whatIsThere(maker, path);
    if (there === "directory") return undefined;
    if (isAbove) throw operationError(ENOTDIR, "mkdir", path);
    throw there === "file" ? error : operationError(ENOENT, "mkdir", path);
  }
}

/** Nothing is a link that leads nowhere, or what somebody has removed meanwhile. */
async function whatIsThere(
  maker: DirectoryMaker,
  path: string,
): Promise<"directory" | "file" | "nothing"> {
  try {
    return (await maker.isDirectory(path)) ? "directory" : "file";
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    return "nothing";
  }
}
