import fs, { type BigIntStats, type Stats } from "node:fs";
import { lstat as nodeLstat, stat as nodeStat } from "node:fs/promises";
import net from "node:net";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { expectNodesFailure } from "../support/failures.js";
import { makeFifoPath } from "../support/fifos.js";
import { nodeByDescriptor } from "../support/node-by-descriptor.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const descriptors = useDescriptors();

type Place = () => string | Promise<string>;

/** A socket's file stays when its server is closed without unlinking; so the file is renamed away first. */
async function makeSocketPath(): Promise<string> {
  const path = dir().fresh();
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const kept = dir().fresh();
  fs.renameSync(path, kept);
  await new Promise((resolve) => server.close(resolve));
  return kept;
}

function makeLink(to: string): string {
  const link = dir().fresh();
  fs.symlinkSync(to, link);
  return link;
}

function withTimes(seconds: number): string {
  const path = dir().file("x");
  fs.utimesSync(path, seconds, seconds + 0.25);
  return path;
}

/** What holds still while two look at it. */
const places: Readonly<Record<string, Place>> = {
  "a file": () => dir().file("contents"),
  "an empty file": () => dir().file(""),
  "a file with holes": () => {
    const path = dir().file("x");
    fs.truncateSync(path, 5 * 2 ** 30);
    return path;
  },
  "a file with a mode of its own": () => {
    const path = dir().file("x");
    fs.chmodSync(path, 0o7653);
    return path;
  },
  "a file with two names": () => {
    const path = dir().file("x");
    fs.linkSync(path, dir().fresh());
    return path;
  },
  "a directory": () => dir().path,
  "a link to a file": () => makeLink(dir().file("x")),
  "a link to a directory": () => makeLink(dir().path),
  "a character device": () => "/dev/null",
  "another device": () => "/dev/full",
  "a FIFO": () => makeFifoPath(dir().fresh()),
  "a socket": makeSocketPath,
  "a file of /proc": () => "/proc/version",
  "the root": () => "/",
  "a file of 1970": () => withTimes(0),
  "a file of before 1970": () => withTimes(-1000.5),
  "a file of 2100": () => withTimes(4_102_444_800),
  "a file with a time between milliseconds": () => withTimes(1_700_000_000.123_456),
};

function expectSameStats<S extends Stats | BigIntStats>(actual: S, expected: S): void {
  expect(Object.getPrototypeOf(actual)).toBe(Object.getPrototypeOf(expected));
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  expect(actual).toStrictEqual(expected);
  for (const date of ["atime", "mtime", "ctime", "birthtime"] as const) {
    expect(actual[date]).toStrictEqual(expected[date]);
  }
  for (const is of [
    ...(["isFile", "isDirectory", "isSymbolicLink", "isFIFO", "isSocket"] as const),
    ...(["isBlockDevice", "isCharacterDevice"] as const),
  ]) {
    expect(actual[is]()).toBe(expected[is]());
  }
}

describeOnEngineSetups((running) => {
  describe.each(Object.entries(places))("of %s", (_, place) => {
    it("is what node:fs says", async () => {
      const path = await place();
      expectSameStats(await running.client.stat(path), fs.statSync(path));
      expectSameStats(await running.client.lstat(path), fs.lstatSync(path));
    });

    it("is what node:fs says in bigints", async () => {
      const path = await place();
      const bigint = true;
      expectSameStats(await running.client.stat(path, { bigint }), fs.statSync(path, { bigint }));
      expectSameStats(await running.client.lstat(path, { bigint }), fs.lstatSync(path, { bigint }));
    });
  });

  it("is an instance of fs.Stats", async () => {
    expect(await running.client.stat("/")).toBeInstanceOf(fs.Stats);
    expect(await running.client.lstat("/")).toBeInstanceOf(fs.Stats);
  });

  it("of a descriptor is what fstat says", async () => {
    const fifo = descriptors.open(makeFifoPath(dir().fresh()), "r+");
    const fds = [descriptors.open(dir().file("x")), descriptors.open(dir().path), fifo];
    for (const fd of fds) {
      expectSameStats(await running.client.stat(fd), fs.fstatSync(fd));
      const bigint = true;
      expectSameStats(await running.client.stat(fd, { bigint }), fs.fstatSync(fd, { bigint }));
    }
  });

  it("of a descriptor whose file is gone", async () => {
    const path = dir().file("x");
    const fd = descriptors.open(path);
    fs.unlinkSync(path);
    expectSameStats(await running.client.stat(fd), fs.fstatSync(fd));
  });

  it("takes a path of any form", async () => {
    const path = dir().file("x", "größe 🚢");
    for (const form of [path, Buffer.from(path), pathToFileURL(path)]) {
      expectSameStats(await running.client.stat(form), fs.statSync(form));
    }
    const bytes = Buffer.concat([Buffer.from(dir().at("")), Buffer.from([0x2f, 0xff, 0x80])]);
    fs.writeFileSync(bytes, "y");
    expectSameStats(await running.client.stat(bytes), fs.statSync(bytes));
  });

  it("runs many at a time, each with its own answer", async () => {
    const paths = Array.from({ length: 200 }, (_, nth) => dir().file("x".repeat(nth)));
    const all = await Promise.all(paths.map((path) => running.client.stat(path)));
    expect(all.map(({ size }) => size)).toEqual(paths.map((_, nth) => nth));
  });

  describe("fails as node:fs does", () => {
    const both = async (code: string, path: string | Buffer | URL) => {
      await expectNodesFailure(
        code,
        () => running.client.stat(path),
        () => nodeStat(path),
      );
      await expectNodesFailure(
        code,
        () => running.client.lstat(path),
        () => nodeLstat(path),
      );
    };

    it("ENOENT, of what is not there", () => both("ENOENT", dir().at("missing – 欠")));
    it("ENOENT, of the empty path", () => both("ENOENT", ""));
    it("ENOENT, of bytes and URLs", async () => {
      await both("ENOENT", Buffer.from([0x2f, 0xff, 0xc3, 0x28]));
      await both("ENOENT", pathToFileURL(dir().at("missing")));
    });
    it("ENOTDIR, below a file", () => both("ENOTDIR", `${dir().file("x")}/child`));
    it("ENAMETOOLONG, of a name of 256 bytes", () =>
      both("ENAMETOOLONG", dir().at("n".repeat(256))));
    it("ENAMETOOLONG, of a path of 4096 bytes", () => both("ENAMETOOLONG", "/".repeat(4096)));
    it("ELOOP, of links in a circle", async () => {
      const link = dir().fresh();
      fs.symlinkSync(link, link);
      await expectNodesFailure(
        "ELOOP",
        () => running.client.stat(link),
        () => nodeStat(link),
      );
      expectSameStats(await running.client.lstat(link), fs.lstatSync(link));
    });
    it("ENOENT, of a link to nothing", async () => {
      const link = makeLink(dir().at("missing"));
      await expectNodesFailure(
        "ENOENT",
        () => running.client.stat(link),
        () => nodeStat(link),
      );
    });
    it("EBADF, of a descriptor that is not open", () =>
      expectNodesFailure(
        "EBADF",
        () => running.client.stat(0x7fff_ffff),
        () => nodeByDescriptor.fstat(0x7fff_ffff),
      ));
  });
});
