import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withWorkFolder } from "../work-folder.js";
import { walkTree, warmTree } from "./tree.js";

test("a walk finds files, folders and links, and counts what it can't copy", async (ctx) => {
  await withWorkFolder("ringpost-tree-", async (folder) => {
    mkdirSync(join(folder, "a/b"), { recursive: true, mode: 0o750 });
    writeFileSync(join(folder, "a/b/file"), "12345", { mode: 0o640 });
    symlinkSync("nowhere/at all", join(folder, "a/link"));
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]), "");
    if (spawnSync("mkfifo", [join(folder, "fifo")]).status !== 0) ctx.skip("no mkfifo here");

    const tree = await walkTree(folder);
    expect(tree).toEqual({
      root: folder,
      files: [{ path: "a/b/file", bytes: 5, mode: 0o640 }],
      folders: [
        { path: "a", mode: 0o750 },
        { path: "a/b", mode: 0o750 },
      ],
      links: [{ path: "a/link", target: "nowhere/at all" }],
      skipped: { FIFO: 1, "name is not UTF-8": 1 },
    });
  });
});

test("a file that is gone when it is to be read leaves the tree, and is counted", async () => {
  await withWorkFolder("ringpost-tree-", async (folder) => {
    writeFileSync(join(folder, "stays"), "12");
    const walked = await walkTree(folder);
    const gone = { path: "gone", bytes: 1, mode: 0o600 };
    const tree = await warmTree({ ...walked, files: [gone, ...walked.files] }, () => undefined);
    expect(tree.files.map(({ path }) => path)).toEqual(["stays"]);
    expect(tree.skipped).toEqual({ ENOENT: 1 });
  });
});
