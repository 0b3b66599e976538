/** mkdir with `recursive`: the missing folders above, too. */
import { dirname } from "node:path";

export interface DirectoryMaker {
  /** Makes one directory. */
  mkdir(path: string, mode: number): Promise<void>;
  isDirectory(path: string): Promise<boolean>;
}

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code;

/** Returns the first directory that it made, as node:fs does: undefined where all of them were there. */
export async function makeDirectories(
  maker: DirectoryMaker,
  path: string,
  mode: number,
): Promise<string | undefined> {
  try {
    await maker.mkdir(path, mode);
    return path;
  } catch (error) {
    if (codeOf(error) === "EEXIST" && (await maker.isDirectory(path))) return undefined;
    const above = dirname(path);
    if (codeOf(error) !== "ENOENT" || above === path) throw error;
    const first = await makeDirectories(maker, above, mode);
    const made = await makeDirectories(maker, path, mode);
    return first ?? made;
  }
}
