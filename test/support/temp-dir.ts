/** A directory of its own for the tests around, removed after them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll } from "vitest";

export class TempDir {
  readonly path: string;
  #files = 0;

  constructor(parent: string = tmpdir()) {
    this.path = mkdtempSync(join(parent, "ringpost-test-"));
  }

  /** A path inside. */
  at(name: string): string {
    return join(this.path, name);
  }

  /** A path that nothing has used yet. */
  fresh(suffix = ""): string {
    return this.at(`${this.#files++}${suffix}`);
  }

  /** A new file with these contents. Returns its path. */
  file(data: string | Uint8Array, name?: string): string {
    const path = name === undefined ? this.fresh() : this.at(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Call it in a `describe` or at the top of a file; the returned function gives the directory during the tests. */
export function useTempDir(): () => TempDir {
  let dir: TempDir | undefined;
  beforeAll(() => {
    dir = new TempDir();
  });
  afterAll(() => dir?.remove());
  return () => {
    if (dir === undefined) throw new Error("The directory exists only during the tests");
    return dir;
  };
}
