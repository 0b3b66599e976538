import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withWorkFolder } from "../work-folder.js";
import { walkTree } from "./tree.js";
import { verifyCopy } from "./verify.js";

const BYTES = 2_500_000;

test.each<[string, (copy: string) => void]>([
  [
    "one byte",
    (copy) => writeFileSync(join(copy, "f/file"), Buffer.alloc(BYTES).fill(1, BYTES - 1)),
  ],
  ["too short", (copy) => writeFileSync(join(copy, "f/file"), Buffer.alloc(BYTES - 1))],
  ["too long", (copy) => writeFileSync(join(copy, "f/file"), Buffer.alloc(BYTES + 1))],
  ["permissions", (copy) => chmodSync(join(copy, "f/file"), 0o600)],
  ["a link", (copy) => relink(join(copy, "link"))],
])("a difference is found: %s", async (_, spoil) => {
  await withWorkFolder("ringpost-verify-", async (folder) => {
    const original = join(folder, "original");
    mkdirSync(join(original, "f"), { recursive: true });
    writeFileSync(join(original, "f/file"), Buffer.alloc(BYTES), { mode: 0o644 });
    symlinkSync("f/file", join(original, "link"));
    const copy = join(folder, "copy");
    cpSync(original, copy, { recursive: true, verbatimSymlinks: true });
    const tree = await walkTree(original);
    await verifyCopy(tree, copy);

    spoil(copy);
    await expect(verifyCopy(tree, copy)).rejects.toThrow(/^The copy of /);
  });
});

function relink(path: string): void {
  rmSync(path);
  symlinkSync("elsewhere", path);
}
