import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withWorkFolder } from "../work-folder.js";
import { copyFiles } from "./copy-files.js";
import { type Way, ways } from "./file-access.js";
import { makeSkeleton } from "./skeleton.js";
import { walkTree } from "./tree.js";
import { verifyCopy } from "./verify.js";

const TIMEOUT_MS = 60_000;
const WHOLE_FILE_BYTES = 1 << 20;
/** Empty, small, around the size at which a file is no longer read whole, several chunks. */
const SIZES = [0, 1, 4097, WHOLE_FILE_BYTES - 1, WHOLE_FILE_BYTES, WHOLE_FILE_BYTES + 1, 3_500_000];

test.each(Object.keys(ways) as Way[])(
  "through %s, a copy is the same byte for byte",
  async (way) => {
    await withWorkFolder("ringpost-copy-files-", async (folder) => {
      const from = join(folder, "from");
      const to = join(folder, "to");
      makeSkeleton({ root: "", files: [], folders: [], links: [], skipped: {} }, from);
      for (const bytes of SIZES) writeFileSync(join(from, `${bytes}`), patternOf(bytes));
      const tree = await walkTree(from);
      makeSkeleton(tree, to);
      const access = await ways[way]();
      let lastDone = 0;
      try {
        await copyFiles(access, tree.files, {
          from,
          to,
          concurrency: 3,
          wholeFileBytes: WHOLE_FILE_BYTES,
          onFile: (done) => {
            lastDone = done;
          },
        });
      } finally {
        await access.close();
      }
      await verifyCopy(tree, to);
      expect(lastDone).toBe(SIZES.length);
      expect(statSync(join(to, "3500000")).size).toBe(3_500_000);
    });
  },
  TIMEOUT_MS,
);

/** No two places look alike, so that a chunk in the wrong place shows. */
function patternOf(bytes: number): Buffer {
  const words = Uint32Array.from({ length: Math.ceil(bytes / 4) }, (_, nth) => nth * 2_654_435_761);
  return Buffer.from(words.buffer, 0, bytes);
}
