import fs from "node:fs";
import { open as nodeOpen } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { connect } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { expectNodesFailure, expectSameFailure, failureOf } from "../support/failures.js";
import { makeFifoPath } from "../support/fifos.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const { keep } = useDescriptors();

/** The kernel's flags of a descriptor; O_CLOEXEC is among them. */
const flagsOf = (fd: number): string =>
  /^flags:\s*(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))![1]!;

const pathOf = (fd: number): Buffer => fs.readlinkSync(`/proc/self/fd/${fd}`, "buffer");

const flagTexts = [
  ...["r", "rs", "sr", "r+", "rs+", "sr+", "w", "w+", "a", "as", "sa", "a+", "as+", "sa+"],
];
const exclusiveFlagTexts = ["wx", "xw", "wx+", "xw+", "ax", "xa", "ax+", "xa+"];

describeOnEngineSetups((running) => {
  describe("gives an ordinary descriptor", () => {
    it("that node:fs can use", async () => {
      const fd = keep(await running.client.open(dir().file("contents")));
      expect(fs.readFileSync(fd, "utf8")).toBe("contents");
    });

    it.each(flagTexts)("with the flags of node:fs for %s", async (flags) => {
      const path = dir().file("contents");
      const fd = keep(await running.client.open(path, flags));
      expect(flagsOf(fd)).toBe(flagsOf(keep(fs.openSync(path, flags))));
    });

    it.each(exclusiveFlagTexts)("with the flags of node:fs for %s", async (flags) => {
      const fd = keep(await running.client.open(dir().fresh(), flags));
      expect(flagsOf(fd)).toBe(flagsOf(keep(fs.openSync(dir().fresh(), flags))));
    });

    it("with flags as a number", async () => {
      const { O_RDWR, O_CREAT, O_APPEND, O_NONBLOCK } = fs.constants;
      const flags = O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK;
      const fd = keep(await running.client.open(dir().fresh(), flags));
      expect(flagsOf(fd)).toBe(flagsOf(keep(fs.openSync(dir().fresh(), flags))));
    });

    it("for reading, when flags are undefined", async () => {
      const path = dir().file("contents");
      const fd = keep(await running.client.open(path, undefined));
      expect(flagsOf(fd)).toBe(flagsOf(keep(fs.openSync(path, "r"))));
    });
  });

  describe("gives a new file the mode", () => {
    it.each([undefined, 0o600, 0o640, 0o7777, 0, "755", "0600"])("of %s", async (mode) => {
      const [ours, nodes] = [dir().fresh(), dir().fresh()];
      keep(await running.client.open(ours, "w", mode));
      keep(fs.openSync(nodes, "w", mode));
      expect(fs.statSync(ours).mode).toBe(fs.statSync(nodes).mode);
    });
  });

  describe("takes a path", () => {
    it.each(["plain", "two words", "größe", "文件", "🚢 ship", "a\nb", "%41", "~", "'q'"])(
      "named %j",
      async (name) => {
        const path = dir().file("x", `named/${name}`);
        for (const form of [path, pathToFileURL(path), Buffer.from(path)]) {
          const fd = keep(await running.client.open(form));
          expect(pathOf(fd).toString()).toBe(fs.realpathSync(path));
        }
      },
    );

    it("of bytes that are no UTF-8", async () => {
      const path = Buffer.concat([Buffer.from(`${dir().path}/`), Buffer.from([0xff, 0xfe, 0x80])]);
      fs.writeFileSync(path, "x");
      const fd = keep(await running.client.open(path));
      expect(pathOf(fd)).toEqual(pathOf(keep(fs.openSync(path, "r"))));
    });

    it("in a part of a larger buffer", async () => {
      const path = dir().file("x");
      const padded = Buffer.from(`/nowhere${path}/nowhere`);
      const part = new Uint8Array(padded.buffer, padded.byteOffset + 8, Buffer.byteLength(path));
      expect(pathOf(keep(await running.client.open(part))).toString()).toBe(fs.realpathSync(path));
    });

    it("as long as the kernel allows", async () => {
      const path = dir().file("x");
      const slashes = "/".repeat(4096 - Buffer.byteLength(path));
      const longest = dirname(path) + slashes + basename(path);
      expect(Buffer.byteLength(longest)).toBe(4095);
      keep(await running.client.open(longest));
    });

    it("relative to the working directory", async () => {
      const fd = keep(await running.client.open("."));
      expect(pathOf(fd).toString()).toBe(fs.realpathSync(process.cwd()));
    });
  });

  describe("fails as node:fs does", () => {
    const both = (code: string, path: string | Uint8Array | URL, flags?: string | number) =>
      expectNodesFailure(
        code,
        () => running.client.open(path, flags),
        () => nodeOpen(path as Buffer, flags),
      );

    it("ENOENT, of a file that is not there", () => both("ENOENT", dir().at("missing")));
    it("ENOENT, of the empty path", () => both("ENOENT", ""));
    it("ENOENT, of the empty path as bytes", () => both("ENOENT", Buffer.alloc(0)));
    it("ENOENT, of a path that is not ASCII", () => both("ENOENT", dir().at("fehlt – 欠")));
    it("ENOENT, of a URL", () => both("ENOENT", pathToFileURL(dir().at("missing"))));
    it("ENOENT, of bytes that are no UTF-8", () =>
      both("ENOENT", Buffer.from([0x2f, 0xff, 0xc3, 0x28, 0x41])));
    it("ENOTDIR, below a file", () => both("ENOTDIR", `${dir().file("x")}/child`));
    it("EISDIR, of a directory to write to", () => both("EISDIR", dir().path, "r+"));
    it("EEXIST, of a file that is there already", () => both("EEXIST", dir().file("x"), "wx"));
    it("ELOOP, of links in a circle", () => {
      const link = dir().fresh();
      fs.symlinkSync(link, link);
      return both("ELOOP", link);
    });
    it("ENAMETOOLONG, of a name of 256 bytes", () =>
      both("ENAMETOOLONG", dir().at("n".repeat(256))));
    it("ENAMETOOLONG, of a path of 4096 bytes", () => both("ENAMETOOLONG", "/".repeat(4096)));
    it("ENAMETOOLONG, of a path of fewer characters, but 4096 bytes", () =>
      both("ENAMETOOLONG", "/文".repeat(1024)));
    it("ENAMETOOLONG, of a path of a megabyte", () => both("ENAMETOOLONG", "x".repeat(1 << 20)));
    it("ENAMETOOLONG, of 4096 bytes", () => both("ENAMETOOLONG", Buffer.alloc(4096, "/")));
    it("EACCES, of what it may not write to", async (context) => {
      // Root may do anything but this.
      const path = process.getuid!() === 0 ? "/proc/sys/kernel/ostype" : dir().file("x");
      if (process.getuid!() !== 0) fs.chmodSync(path, 0o400);
      const { code } = await failureOf(() => nodeOpen(path, "r+"));
      if (code !== "EACCES") context.skip(`node:fs says ${code} of ${path} here`);
      await both("EACCES", path, "r+");
    });
    it("ETXTBSY, of a program that runs", () =>
      expectSameFailure(
        () => running.client.open(process.execPath, "r+"),
        () => nodeOpen(process.execPath, "r+"),
      ));
    it("ENXIO, of a FIFO that nobody reads", () => {
      const path = makeFifoPath(dir().fresh());
      return both("ENXIO", path, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
    });
    it("EINVAL, of a directory to be created as a file", () =>
      expectSameFailure(
        () => running.client.open(dir().path, fs.constants.O_CREAT | fs.constants.O_DIRECTORY),
        () => nodeOpen(dir().path, fs.constants.O_CREAT | fs.constants.O_DIRECTORY),
      ));
  });

  describe("of a FIFO", () => {
    const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = fs.constants;

    it("for writing waits for a reader, as node:fs does", async () => {
      const path = makeFifoPath(dir().fresh());
      let settled = false;
      const opening = running.client.open(path, O_WRONLY).finally(() => {
        settled = true;
      });
      // It would have had the time: others, asked for later, have been opened.
      for (let nth = 0; nth < 20 && !settled; nth++) {
        await running.client.close(await running.client.open(dir().path));
      }
      const wasSettled = settled;
      keep(fs.openSync(path, O_RDWR | O_NONBLOCK));
      keep(await within(SOON_MS, "open", opening));
      expect(wasSettled).toBe(false);
    });

    it("for reading doesn't wait, but its first read does, or sees a writer that left without a word", async () => {
      for (const text of ["from a late writer", ""]) {
        const path = makeFifoPath(dir().fresh());
        const fd = keep(await within(SOON_MS, "open", running.client.open(path)));
        const buffer = Buffer.alloc(100);
        let settled = false;
        const reading = running.client.read(fd, buffer).finally(() => {
          settled = true;
        });
        for (let nth = 0; nth < 20 && !settled; nth++) await running.client.stat(dir().path);
        expect(settled).toBe(false);
        const writer = fs.openSync(path, O_WRONLY);
        fs.writeSync(writer, text);
        fs.closeSync(writer);
        expect(await within(SOON_MS, "read", reading)).toBe(text.length);
        expect(buffer.toString("utf8", 0, text.length)).toBe(text);
        expect(await within(SOON_MS, "read", running.client.read(fd, buffer))).toBe(0);
      }
    });

    it("for reading, nonblocking, has nothing to read before a writer comes", async () => {
      const path = makeFifoPath(dir().fresh());
      const fd = keep(await running.client.open(path, O_RDONLY | O_NONBLOCK));
      const buffer = Buffer.alloc(4);
      expect(await within(SOON_MS, "read", running.client.read(fd, buffer))).toBe(0);
    });
  });

  it("opens many at a time, each its own", async () => {
    const paths = Array.from({ length: 100 }, (_, nth) => dir().file(`contents of ${nth}`));
    const fds = await Promise.all(paths.map((path) => running.client.open(path)));
    expect(new Set(fds).size).toBe(100);
    fds.forEach((fd, nth) => {
      expect(fs.readFileSync(keep(fd), "utf8")).toBe(`contents of ${nth}`);
    });
  });

  it("leaves the descriptor to its caller, whatever bits the flags have", async () => {
    const other = await connect(running.engine.handle());
    const fd = keep(await other.open(dir().file("mine"), 0x6000_0000));
    await other.disconnect();
    expect(fs.readFileSync(fd, "utf8")).toBe("mine");
  });
});
