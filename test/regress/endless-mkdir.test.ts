/** mkdir with `recursive` went on for ever where all above is there and the kernel still says ENOENT. */
import fs from "node:fs";
import nodeFs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";
import { expectSameFailure } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

const running = useEngine();
const dir = useTempDir();

const makes = (path: string): Promise<unknown> =>
  within(SOON_MS, `mkdir of '${path}'`, running.client.mkdir(path, { recursive: true }));

const failsAsNodes = (path: string) =>
  expectSameFailure(
    () => makes(path),
    () => nodeFs.mkdir(path, { recursive: true }),
  );

async function inRemovedFolder(use: () => Promise<unknown>): Promise<void> {
  const before = process.cwd();
  const folder = fs.mkdtempSync(join(tmpdir(), "ringpost-removed-"));
  process.chdir(folder);
  fs.rmdirSync(folder);
  try {
    await use();
  } finally {
    process.chdir(before);
  }
}

it("an empty path", () => failsAsNodes(""));

it("a relative path where the working directory is removed", () =>
  inRemovedFolder(async () => {
    await failsAsNodes("a");
    expect(await makes(".")).toBeUndefined();
    // node:fs goes on for ever.
    for (const path of ["a/b", "./a"]) await expect(makes(path)).rejects.toThrow(/ENOENT.*mkdir/);
  }));

it("in /proc, where node:fs goes on for ever", async () => {
  for (const path of ["/proc/ringpost", "/proc/ringpost/below"]) {
    await expect(makes(path)).rejects.toMatchObject({
      ...{ code: "ENOENT", syscall: "mkdir", path: "/proc/ringpost" },
      message: "ENOENT: no such file or directory, mkdir '/proc/ringpost'",
    });
  }
});

it("a link that leads nowhere, and what is below one, as node:fs", async () => {
  const link = dir().fresh();
  fs.symlinkSync(dir().at("nowhere"), link);
  await failsAsNodes(link);
  await failsAsNodes(`${link}/below`);
});
