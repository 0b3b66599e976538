/** ftruncate, fallocate, fadvise and syncFileRange: operations on a range of an open file. */
import fs from "node:fs";
import nodeFs from "node:fs/promises";
import type { Client } from "ringpost";
import { describe, expect, it } from "vitest";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { expectSameFailure, failureOf } from "../support/failures.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const FALLOC_FL_ZERO_RANGE = 16;
const POSIX_FADV_WILLNEED = 3;
const FIVE_GIB = 5 * 2 ** 30;

const dir = useTempDir();
const descriptors = useDescriptors();

function openFile(content: string | Buffer = ""): { readonly fd: number; readonly path: string } {
  const path = dir().file(content);
  return { fd: descriptors.open(path, "r+"), path };
}

describeOnEngineSetups((running) => {
  const ours = (): Client => running.client;

  describe("ftruncate", () => {
    it.each([0, 1, 5, 4096, FIVE_GIB])("makes a file %s bytes long", async (length) => {
      const { fd } = openFile("12345678");
      expect(await ours().ftruncate(fd, length)).toBeUndefined();
      expect(fs.fstatSync(fd).size).toBe(length);
    });

    it("keeps what is left, and lengthens with zeros", async () => {
      const { fd, path } = openFile("12345678");
      await ours().ftruncate(fd, 3);
      await ours().ftruncate(fd, 5);
      expect(fs.readFileSync(path, "latin1")).toBe("123\0\0");
    });

    it("empties the file where no length is given, or a negative one, as node:fs", async () => {
      const { fd } = openFile("12345678");
      await ours().ftruncate(fd);
      expect(fs.fstatSync(fd).size).toBe(0);
      await nodeFs.writeFile(`/proc/self/fd/${fd}`, "12");
      await ours().ftruncate(fd, -1);
      expect(fs.fstatSync(fd).size).toBe(0);
    });

    it("fails as node:fs does, of what is opened for reading", async () => {
      const fd = descriptors.open(dir().file("x"), "r");
      await expectSameFailure(
        () => ours().ftruncate(fd, 1),
        () => fs.ftruncateSync(fd, 1),
      );
    });

    it.each(["1", null, 1.5, Number.NaN, 2n])(
      "refuses the length %s as node:fs",
      async (length) => {
        const { fd } = openFile();
        await expectSameFailure(
          () => ours().ftruncate(fd, length as never),
          () => fs.ftruncateSync(fd, length as never),
        );
      },
    );
  });

  describe("fallocate", () => {
    it("reserves room, and lengthens the file", async () => {
      const { fd } = openFile("abc");
      expect(await ours().fallocate(fd, 0, 0, 100_000)).toBeUndefined();
      expect(fs.fstatSync(fd).size).toBe(100_000);
      expect(fs.fstatSync(fd).blocks * 512).toBeGreaterThanOrEqual(100_000);
    });

    it("reserves beyond the end without lengthening", async () => {
      const { fd } = openFile("abc");
      await ours().fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100_000);
      expect(fs.fstatSync(fd).size).toBe(3);
      expect(fs.fstatSync(fd).blocks * 512).toBeGreaterThanOrEqual(100_000);
    });

    it("zeroes a range, and punches a hole", async () => {
      const { fd, path } = openFile(Buffer.alloc(16_384, "x"));
      await ours().fallocate(fd, FALLOC_FL_ZERO_RANGE, 1, 2);
      await ours().fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192);
      const content = fs.readFileSync(path);
      expect(content.subarray(0, 4).toString("latin1")).toBe("x\0\0x");
      expect(content.subarray(4096, 12_288).every((byte) => byte === 0)).toBe(true);
      expect(content[12_288]).toBe("x".charCodeAt(0));
    });

    it("takes offsets and lengths beyond 4 GiB", async () => {
      const { fd } = openFile(Buffer.alloc(4096, "x"));
      await ours().ftruncate(fd, 2 * FIVE_GIB);
      await ours().fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, FIVE_GIB);
      await ours().fallocate(fd, FALLOC_FL_KEEP_SIZE, FIVE_GIB, 4096);
      const block = Buffer.alloc(1);
      fs.readSync(fd, block, 0, 1, 4095);
      expect(block.toString()).toBe("x");
    });

    it("rejects with the kernel's error", async () => {
      const { fd } = openFile();
      await expect(ours().fallocate(fd, 0, 0, 0)).rejects.toMatchObject({
        code: "EINVAL",
        syscall: "fallocate",
      });
    });
  });

  it("fadvise takes ranges of any length, up to the end too", async () => {
    const { fd } = openFile(Buffer.alloc(8192));
    for (const length of [0, 4096, FIVE_GIB]) {
      expect(await ours().fadvise(fd, 0, length, POSIX_FADV_WILLNEED)).toBeUndefined();
    }
    await expect(ours().fadvise(fd, 0, 0, 99)).rejects.toMatchObject({
      code: "EINVAL",
      syscall: "fadvise64",
    });
  });

  it("syncFileRange writes a range back", async () => {
    const { fd } = openFile(Buffer.alloc(8192, "y"));
    expect(await ours().syncFileRange(fd, 0, 4096)).toBeUndefined();
    await ours().syncFileRange(fd, 4096, 0, 2);
    await expect(ours().syncFileRange(fd, 0, 0, 64)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(ours().syncFileRange(fd, 0, 2 ** 32)).rejects.toMatchObject({
      code: "ERR_OUT_OF_RANGE",
    });
  });

  it.each([
    ["offset", (fd: number, bad: never) => ours().fallocate(fd, 0, bad, 1)],
    ["length", (fd: number, bad: never) => ours().fadvise(fd, 0, bad, 0)],
    ["flags", (fd: number, bad: never) => ours().fadvise(fd, 0, 0, bad)],
    ["mode", (fd: number, bad: never) => ours().fallocate(fd, bad, 0, 1)],
  ])("a wrong %s is refused before anything is posted", async (name, call) => {
    const { fd } = openFile();
    for (const [bad, code] of [
      ["1", "ERR_INVALID_ARG_TYPE"],
      [1.5, "ERR_OUT_OF_RANGE"],
      [-1, "ERR_OUT_OF_RANGE"],
    ] as const) {
      const failure = await failureOf(() => call(fd, bad as never));
      expect(failure.code).toBe(code);
      expect(failure.message).toContain(`"${name}"`);
    }
  });
});
