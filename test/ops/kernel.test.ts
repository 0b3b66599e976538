/** What has the names of the system calls: openat2, statx, extended attributes, flags of transfers; and truncate by path. */
import fs from "node:fs";
import nodeFs from "node:fs/promises";
import type { Client } from "ringpost";
import { describe, expect, it } from "vitest";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { expectNodesFailure, failureOf } from "../support/failures.js";
import { patternBytes } from "../support/fenced-views.js";
import { countDescriptors, useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const RWF_DSYNC = 2;
const RWF_NOWAIT = 8;
const RWF_APPEND = 16;
const STATX_SIZE = 0x200;
const STATX_DIOALIGN = 0x2000;
const AT_SYMLINK_NOFOLLOW = 0x100;

const dir = useTempDir();
const descriptors = useDescriptors();

describeOnEngineSetups((running) => {
  const ours = (): Client => running.client;

  describe("openat2", () => {
    const keep = async (fd: Promise<number>): Promise<string> => {
      const opened = await fd;
      try {
        return fs.readFileSync(opened, "utf8");
      } finally {
        fs.closeSync(opened);
      }
    };
    /** A folder with a file, links in and out, and a file beside it. */
    function makeTree(): { root: string; rootFd: number } {
      const root = dir().fresh();
      fs.mkdirSync(`${root}/inner`, { recursive: true });
      fs.writeFileSync(`${root}/inner/file`, "inside");
      fs.writeFileSync(`${root}-outside`, "outside");
      fs.symlinkSync("inner/file", `${root}/link`);
      fs.symlinkSync(`../${root.split("/").at(-1)}-outside`, `${root}/escape`);
      fs.symlinkSync("/inner/file", `${root}/absolute`);
      return { root, rootFd: descriptors.open(root) };
    }

    it("opens as open does", async () => {
      const path = dir().file("content");
      expect(await keep(ours().openat2(path))).toBe("content");
      const made = dir().fresh();
      fs.closeSync(await ours().openat2(made, { flags: "wx", mode: 0o600 }));
      expect(fs.statSync(made).mode & 0o777).toBe(0o600);
    });

    it("starts at a folder's descriptor", async () => {
      const { rootFd } = makeTree();
      expect(await keep(ours().openat2("inner/file", { dirFd: rootFd }))).toBe("inside");
    });

    it("beneath refuses what leads out, by whatever way", async () => {
      const { root, rootFd } = makeTree();
      const beneath = { dirFd: rootFd, resolve: { beneath: true } };
      expect(await keep(ours().openat2("link", beneath))).toBe("inside");
      expect(await keep(ours().openat2("inner/../link", beneath))).toBe("inside");
      for (const path of ["escape", "absolute", "..", `${root}/link`, "inner/../../x"]) {
        expect(await failureOf(() => ours().openat2(path, beneath))).toMatchObject({
          ...{ code: "EXDEV", syscall: "openat2", path },
        });
      }
    });

    it("inRoot takes the folder for the root", async () => {
      const { rootFd } = makeTree();
      const inRoot = { dirFd: rootFd, resolve: { inRoot: true } };
      expect(await keep(ours().openat2("absolute", inRoot))).toBe("inside");
      expect(await keep(ours().openat2("/../../inner/file", inRoot))).toBe("inside");
      expect((await failureOf(() => ours().openat2("escape", inRoot))).code).toBe("ENOENT");
    });

    it("knows the other limits", async () => {
      const { root } = makeTree();
      const code = async (path: string, resolve: object): Promise<unknown> =>
        (await failureOf(() => ours().openat2(path, { resolve }))).code;
      expect(await code(`${root}/link`, { noSymlinks: true })).toBe("ELOOP");
      expect(await code("/proc/self/fd/0", { noMagicLinks: true })).toBe("ELOOP");
      expect(await code("/proc/version", { noXdev: true })).toBe("EXDEV");
    });

    it("refuses wrong options as Node would", async () => {
      for (const options of [{ flags: "zz" }, { mode: -1 }, { dirFd: -1 }, { resolve: 1 }, 7]) {
        const failure = await failureOf(() => ours().openat2("x", options as never));
        expect(failure.code).toMatch(/^ERR_/);
      }
    });
  });

  describe("statx", () => {
    it("says what stat says, and more", async () => {
      const path = dir().file("12345");
      const stat = fs.statSync(path, { bigint: true });
      const statx = await ours().statx(path);
      expect(statx).toMatchObject({
        ...{ dev: stat.dev, ino: stat.ino, mode: Number(stat.mode), nlink: Number(stat.nlink) },
        ...{ uid: Number(stat.uid), gid: Number(stat.gid), size: 5n, blocks: stat.blocks },
        ...{ mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs, birthtimeNs: stat.birthtimeNs },
      });
      expect(statx.mask & 0xfff).toBe(0xfff);
      expect(await ours().statx(descriptors.open(path))).toMatchObject({ ino: stat.ino });
    });

    it("asks for what the mask says, of the link itself where it is told to", async () => {
      const target = dir().file("12345");
      const link = dir().fresh();
      fs.symlinkSync(target, link);
      expect((await ours().statx(link, { mask: STATX_SIZE })).size).toBe(5n);
      const ofLink = await ours().statx(link, { flags: AT_SYMLINK_NOFOLLOW });
      expect(ofLink.size).toBe(BigInt(target.length));
      const aligned = await ours().statx(target, { mask: STATX_DIOALIGN });
      if ((aligned.mask & STATX_DIOALIGN) !== 0) expect(aligned.dioOffsetAlign).toBeGreaterThan(0);
    });

    it("names itself in its errors", async () => {
      const path = dir().at("missing");
      expect(await failureOf(() => ours().statx(path))).toMatchObject({
        message: `ENOENT: no such file or directory, statx '${path}'`,
      });
    });
  });

  describe("extended attributes", () => {
    it("are set and read by path and by descriptor", async () => {
      const path = dir().file("x");
      const fd = descriptors.open(path, "r+");
      expect(await ours().setxattr(path, "user.one", "first")).toBeUndefined();
      expect((await ours().getxattr(fd, "user.one")).toString()).toBe("first");
      await ours().setxattr(fd, "user.two", Buffer.from([0, 255]));
      expect(await ours().getxattr(path, "user.two")).toEqual(Buffer.from([0, 255]));
      await ours().setxattr(path, "user.one", "");
      expect(await ours().getxattr(path, "user.one")).toEqual(Buffer.alloc(0));
    });

    it("may be longer than most", async () => {
      const path = dir().file("x");
      const value = patternBytes(2000);
      await ours().setxattr(path, "user.long", value);
      expect((await ours().getxattr(path, "user.long")).equals(value)).toBe(true);
    });

    it("are only made, or only replaced, where that is asked for", async () => {
      const path = dir().file("x");
      await ours().setxattr(path, "user.a", "1", { flags: 1 });
      const again = failureOf(() => ours().setxattr(path, "user.a", "2", { flags: 1 }));
      expect(await again).toMatchObject({
        code: "EEXIST",
        syscall: "setxattr",
        path,
        dest: undefined,
      });
      const missing = failureOf(() => ours().setxattr(path, "user.b", "2", { flags: 2 }));
      expect((await missing).code).toBe("ENODATA");
    });

    it("fail with the name of their system call", async () => {
      const fd = descriptors.open(dir().file("x"));
      const failure = await failureOf(() => ours().getxattr(fd, "user.none"));
      expect(failure).toMatchObject({ code: "ENODATA", syscall: "fgetxattr" });
      for (const name of ["", "a\0b", "u".repeat(256), 1]) {
        const refused = await failureOf(() => ours().getxattr("x", name as string));
        expect(refused.code).toMatch(/^ERR_INVALID_ARG/);
      }
    });
  });

  describe("flags of a transfer", () => {
    it("append, wherever the position", async () => {
      const path = dir().file("12345");
      const fd = descriptors.open(path, "r+");
      await ours().write(fd, Buffer.from("6"), { position: 0, flags: RWF_APPEND });
      await ours().writev(fd, [Buffer.from("7"), Buffer.from("8")], { flags: RWF_APPEND });
      await ours().write(fd, Buffer.from("9"), { flags: RWF_DSYNC }); // where the last one ended
      expect(fs.readFileSync(path, "utf8")).toBe("123456789");
    });

    it("don't wait, where they say so", async () => {
      const fd = descriptors.open(dir().file("123"), "r");
      await ours().read(fd, Buffer.alloc(3), 0); // now it is in the page cache
      const read = ours().read(fd, Buffer.alloc(3), { position: 0, flags: RWF_NOWAIT });
      expect(await read.catch((error) => error.code)).toSatisfy(
        (got) => got === 3 || got === "EAGAIN",
      );
    });

    it("unknown to the kernel are its error, and of a wrong type ours", async () => {
      const fd = descriptors.open(dir().file("123"), "r");
      const wild = failureOf(() => ours().read(fd, Buffer.alloc(3), { flags: 1 << 30 }));
      expect((await wild).code).toBe("ENOTSUP");
      const wrong = failureOf(() => ours().read(fd, Buffer.alloc(3), { flags: "2" as never }));
      expect((await wrong).code).toBe("ERR_INVALID_ARG_TYPE");
    });
  });

  describe("truncate", () => {
    it.each([0, 3, 10_000])("makes a file %d bytes long", async (length) => {
      const path = dir().file("12345");
      const before = countDescriptors(dir().path);
      expect(await ours().truncate(path, length)).toBeUndefined();
      expect(fs.statSync(path).size).toBe(length);
      expect(countDescriptors(dir().path)).toBe(before);
    });

    it("fails as node:fs does, and leaves no descriptor", async () => {
      const before = countDescriptors(dir().path);
      for (const [code, path] of [
        ["ENOENT", dir().at("missing")],
        ["EISDIR", dir().path],
      ] as const) {
        await expectNodesFailure(
          code,
          () => ours().truncate(path),
          () => nodeFs.truncate(path),
        );
      }
      const path = dir().file("x");
      expect((await failureOf(() => ours().truncate(path, 2 ** 62))).code).toBe("ERR_OUT_OF_RANGE");
      expect((await failureOf(() => ours().truncate(path, 2 ** 52))).code).toBe("EFBIG");
      expect(countDescriptors(dir().path)).toBe(before);
    });
  });
});
