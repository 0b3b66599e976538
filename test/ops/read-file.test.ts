import { spawn } from "node:child_process";
import fs from "node:fs";
import { readFile as nodeReadFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { connect, type ReadFileOptions } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups, useEngine } from "../support/engine-setups.js";
import { expectNodesFailure } from "../support/failures.js";
import { patternBytes } from "../support/fenced-views.js";
import { makeFifo, makeFifoPath } from "../support/fifos.js";
import { countDescriptors, useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const descriptors = useDescriptors();

/** Around the sizes at which a file needs another step. */
const sizes = [0, 1, 4095, 4096, 65_535, 65_536, 65_537, 131_072, 131_073, 1_000_003, 5_000_000];

const text = "Füße, 文字, 🚢\n";

describeOnEngineSetups((running) => {
  it.each(sizes)("gives a file of %d bytes", async (bytes) => {
    const pattern = patternBytes(bytes);
    const read = await running.client.readFile(dir().file(pattern));
    expect(Buffer.isBuffer(read)).toBe(true);
    expect(read.length).toBe(bytes);
    expect(read.equals(pattern)).toBe(true);
  });

  it("gives a buffer that nobody else uses", async () => {
    const path = dir().file("first");
    const [first, second] = [
      await running.client.readFile(path),
      await running.client.readFile(path),
    ];
    second.fill("x");
    expect(first.toString()).toBe("first");
    expect(first.buffer).not.toBe(second.buffer);
  });

  it("closes the file, whatever its size", async () => {
    const paths = sizes.map((bytes) => dir().file(patternBytes(bytes)));
    await running.client.readFile(paths[0]!);
    const before = countDescriptors(dir().path);
    for (const path of paths) await running.client.readFile(path);
    await running.client.readFile(dir().path).catch(() => undefined);
    expect(countDescriptors(dir().path)).toBe(before);
  });

  it.each(["/proc/version", "/proc/filesystems", "/proc/self/maps"])(
    "reads %s to its end, though its size is said to be 0",
    async (path) => {
      const firstLine = (read: Buffer) => read.toString().split("\n")[0];
      const read = await running.client.readFile(path);
      expect(firstLine(read)).toBe(firstLine(fs.readFileSync(path)));
      expect(read.toString().endsWith("\n")).toBe(true);
    },
  );

  it("reads a long file without a size to its end", async (context) => {
    const path = "/proc/kallsyms";
    if (!fs.existsSync(path)) context.skip(`the kernel has no ${path}`);
    const expected = fs.readFileSync(path);
    const read = await running.client.readFile(path);
    expect(read.length).toBe(expected.length);
    expect(read.equals(expected)).toBe(true);
  });

  it("reads a FIFO until its writers are gone", async () => {
    const path = makeFifoPath(dir().fresh());
    const writer = spawn("sh", ["-c", 'head -c 200000 /dev/zero > "$0"', path], {
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => writer.once("close", resolve));
    const read = await within(SOON_MS, "readFile", running.client.readFile(path));
    expect(read.equals(Buffer.alloc(200_000))).toBe(true);
    await within(SOON_MS, "writer", ended);
  });

  it("waits for a FIFO's first writer", async () => {
    const path = makeFifoPath(dir().fresh());
    let settled = false;
    const read = running.client.readFile(path, "utf8").finally(() => {
      settled = true;
    });
    for (let nth = 0; nth < 20; nth++) await running.client.stat(path);
    const writer = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
    fs.writeSync(writer, "from a writer who came late");
    // It stays until the reader has begun; the end is seen when it goes.
    while (countDescriptors(path) < 2 && !settled) await running.client.nop();
    fs.closeSync(writer);
    expect(await within(SOON_MS, "readFile", read)).toBe("from a writer who came late");
  });

  describe("decodes", () => {
    const encodings: readonly (BufferEncoding | null | undefined)[] = [
      ...(["utf8", "utf-8", "UTF8", "latin1", "binary", "ascii"] as const),
      ...(["ucs2", "utf16le", "base64", "base64url", "hex", null, undefined] as const),
    ] as (BufferEncoding | null | undefined)[]; // the types know no upper case, which Node takes

    it.each(encodings)("%s as node:fs does", async (encoding) => {
      const path = dir().file(text);
      // The overloads tell a string from a buffer by the encoding; here it is any.
      const options = (encoding === undefined ? {} : { encoding }) as { encoding: BufferEncoding };
      const expected = fs.readFileSync(path, options);
      expect(await running.client.readFile(path, options)).toEqual(expected);
      if (typeof encoding === "string") {
        expect(await running.client.readFile(path, encoding)).toBe(expected);
      }
    });

    it("bytes that are no UTF-8 as node:fs does", async () => {
      const path = dir().file(patternBytes(100_000));
      expect(await running.client.readFile(path, "utf8")).toBe(fs.readFileSync(path, "utf8"));
    });
  });

  it("takes flags", async () => {
    const path = dir().fresh();
    expect(await running.client.readFile(path, { flag: "a+" })).toEqual(Buffer.alloc(0));
    expect(fs.existsSync(path)).toBe(true);
    const flag = fs.constants.O_RDONLY;
    fs.writeFileSync(path, "by number");
    expect(await running.client.readFile(path, { flag, encoding: "utf8" })).toBe("by number");
    expect(await running.client.readFile(path, { flag: "w+", encoding: "utf8" })).toBe("");
    expect(fs.statSync(path).size).toBe(0);
  });

  it("takes a path of any form", async () => {
    const path = dir().file("found", "größe/文 🚢");
    for (const form of [path, pathToFileURL(path), Buffer.from(path)]) {
      expect(await running.client.readFile(form, "utf8")).toBe("found");
    }
    const bytes = Buffer.concat([Buffer.from(dir().at("")), Buffer.from([0x2f, 0xff, 0x80])]);
    fs.writeFileSync(bytes, "by bytes");
    expect(await running.client.readFile(bytes, "utf8")).toBe("by bytes");
  });

  it("reads many files at a time, of all sizes", async () => {
    const files = Array.from({ length: 120 }, (_, nth) => {
      const pattern = patternBytes((nth * 1777) % 150_000, nth);
      return { pattern, path: dir().file(pattern) };
    });
    const read = await Promise.all(files.map(({ path }) => running.client.readFile(path)));
    files.forEach(({ pattern }, nth) => {
      expect(read[nth]!.equals(pattern)).toBe(true);
    });
  });

  it("reads while other requests hold the slots", async () => {
    const path = dir().file("between");
    const others = Array.from({ length: 5 }, () => running.client.nop());
    const reads = Array.from({ length: 5 }, () => running.client.readFile(path, "utf8"));
    await Promise.all(others);
    expect(await within(SOON_MS, "readFile", Promise.all(reads))).toEqual(Array(5).fill("between"));
  });

  it("that waits for a FIFO is cancelled when its client closes, and its descriptor with it", async () => {
    const fifo = makeFifo(dir().fresh());
    const other = await connect(running.engine.handle());
    await other.nop();
    const before = countDescriptors(dir().path);
    const read = other.readFile(fifo.path).catch((error: NodeJS.ErrnoException) => error);
    await other.nop();
    await within(SOON_MS, "close", other.disconnect({ graceMs: 10 }));
    expect(await within(SOON_MS, "readFile", read)).toMatchObject({ code: "ECANCELED" });
    expect(countDescriptors(dir().path)).toBe(before);
    fifo.close();
  });

  describe("fails as node:fs does", () => {
    const both = (code: string, path: string | Buffer | URL, options?: ReadFileOptions) =>
      expectNodesFailure(
        code,
        () => running.client.readFile(path, options as object),
        () => nodeReadFile(path, options as object),
        // Before Node 26, a failed read doesn't say of which file.
        (failure) =>
          failure.syscall === "read" && failure.path === undefined
            ? { ...failure, path, message: `${failure.message} '${path}'` }
            : failure,
      );

    it("ENOENT, of what is not there", () => both("ENOENT", dir().at("missing – 欠")));
    it("ENOENT, of the empty path", () => both("ENOENT", ""));
    it("ENOENT, of bytes and URLs", async () => {
      await both("ENOENT", Buffer.from([0x2f, 0xff, 0xc3, 0x28]));
      await both("ENOENT", pathToFileURL(dir().at("missing")));
    });
    it("EISDIR, of a directory", () => both("EISDIR", dir().path));
    it("ENOTDIR, below a file", () => both("ENOTDIR", `${dir().file("x")}/child`));
    it("EEXIST, of what is there already", () => both("EEXIST", dir().file("x"), { flag: "wx+" }));
    it("EBADF, of what is opened for writing only", () =>
      both("EBADF", dir().file("x"), { flag: "a" }));
    it("ENAMETOOLONG, of a path of 4096 bytes", () => both("ENAMETOOLONG", "/".repeat(4096)));
    it("ELOOP, of links in a circle", () => {
      const link = dir().fresh();
      fs.symlinkSync(link, link);
      return both("ELOOP", link);
    });
    it("ERR_FS_FILE_TOO_LARGE, of more than 2 GiB", async () => {
      const path = dir().fresh();
      fs.ftruncateSync(descriptors.open(path, "w"), 2 ** 31);
      const before = countDescriptors(dir().path);
      await both("ERR_FS_FILE_TOO_LARGE", path);
      expect(countDescriptors(dir().path)).toBe(before);
    });
  });
});

describe("the largest file", () => {
  const running = useEngine();
  it("of 2 GiB less one byte is read whole", async () => {
    const path = dir().fresh();
    const fd = descriptors.open(path, "w");
    fs.ftruncateSync(fd, 2 ** 31 - 1);
    fs.writeSync(fd, "end", 2 ** 31 - 4);
    const whole = await running.client.readFile(path);
    expect(whole.length).toBe(2 ** 31 - 1);
    expect(whole.subarray(-4).toString("latin1")).toBe("\0end");
  });
});
