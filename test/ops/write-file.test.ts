import { spawn } from "node:child_process";
import fs from "node:fs";
import { writeFile as nodeWriteFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { connect, type WriteFileOptions } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { expectNodesFailure } from "../support/failures.js";
import { bytesOf, fencedView, patternBytes, viewsOnBuffers } from "../support/fenced-views.js";
import { makeFifo, makeFifoPath } from "../support/fifos.js";
import { countDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const text = "Füße, 文字, 🚢\n";

describeOnEngineSetups((running) => {
  it.each([0, 1, 4096, 65_536, 1_000_003])("writes a file of %d bytes", async (bytes) => {
    const path = dir().fresh();
    const pattern = patternBytes(bytes);
    expect(await running.client.writeFile(path, pattern)).toBeUndefined();
    expect(fs.readFileSync(path).equals(pattern)).toBe(true);
  });

  it.each(viewsOnBuffers)("writes a %s on a %s, and nothing around it", async (view, buffer) => {
    const path = dir().fresh();
    const fenced = fencedView(64, view, buffer);
    bytesOf(fenced).set(patternBytes(64));
    await running.client.writeFile(path, fenced);
    expect(fs.readFileSync(path)).toEqual(patternBytes(64));
  });

  it("writes a string, and the empty one", async () => {
    const path = dir().fresh();
    await running.client.writeFile(path, text);
    expect(fs.readFileSync(path, "utf8")).toBe(text);
    await running.client.writeFile(path, "");
    expect(fs.statSync(path).size).toBe(0);
  });

  const encodings = [
    "utf8",
    "latin1",
    "ascii",
    "ucs2",
    "utf16le",
    "base64",
    "base64url",
    "hex",
  ] as const;
  it.each(encodings)("encodes %s as node:fs does", async (encoding) => {
    const [ours, nodes] = [dir().fresh(), dir().fresh()];
    const data = Buffer.from(text).toString(encoding);
    await running.client.writeFile(ours, data, encoding);
    fs.writeFileSync(nodes, data, encoding);
    expect(fs.readFileSync(ours)).toEqual(fs.readFileSync(nodes));
    await running.client.writeFile(ours, data, { encoding });
    expect(fs.readFileSync(ours)).toEqual(fs.readFileSync(nodes));
  });

  it("replaces what was there, even if it was longer", async () => {
    const path = dir().file("much longer than what comes");
    await running.client.writeFile(path, "short");
    expect(fs.readFileSync(path, "utf8")).toBe("short");
  });

  it("takes flags", async () => {
    const path = dir().file("begun ");
    await running.client.writeFile(path, "and ", { flag: "a" });
    const flag = fs.constants.O_WRONLY | fs.constants.O_APPEND;
    await running.client.writeFile(path, "ended", { flag });
    expect(fs.readFileSync(path, "utf8")).toBe("begun and ended");
    await running.client.writeFile(path, "BEGUN", { flag: "r+" });
    expect(fs.readFileSync(path, "utf8")).toBe("BEGUN and ended");
  });

  it.each([undefined, 0o600, 0o7777, 0, "640"])("gives a new file the mode %s", async (mode) => {
    const [ours, nodes] = [dir().fresh(), dir().fresh()];
    const options = mode === undefined ? {} : { mode };
    await running.client.writeFile(ours, "x", options);
    fs.writeFileSync(nodes, "x", options);
    expect(fs.statSync(ours).mode).toBe(fs.statSync(nodes).mode);
  });

  it("leaves the mode of a file that is there", async () => {
    const path = dir().file("x");
    fs.chmodSync(path, 0o604);
    await running.client.writeFile(path, "y", { mode: 0o777 });
    expect(fs.statSync(path).mode & 0o777).toBe(0o604);
  });

  it.each([true, false])("takes flush: %s", async (flush) => {
    const path = dir().fresh();
    await running.client.writeFile(path, text, { flush });
    expect(fs.readFileSync(path, "utf8")).toBe(text);
    await running.client.writeFile(path, "", { flush });
    expect(fs.statSync(path).size).toBe(0);
  });

  it("takes a path of any form", async () => {
    fs.mkdirSync(dir().at("größe"), { recursive: true });
    const path = dir().at("größe/文 🚢");
    for (const form of [path, pathToFileURL(path), Buffer.from(path)]) {
      fs.rmSync(path, { force: true });
      await running.client.writeFile(form, "found");
      expect(fs.readFileSync(path, "utf8")).toBe("found");
    }
  });

  it("goes on after short writes, until a slow reader has it all", async () => {
    const path = makeFifoPath(dir().fresh());
    const pattern = patternBytes(500_000);
    const copy = dir().fresh();
    const reader = spawn("sh", ["-c", 'sleep 0.05; cat "$0" > "$1"', path, copy], {
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => reader.once("close", resolve));
    await within(SOON_MS, "writeFile", running.client.writeFile(path, pattern));
    await within(SOON_MS, "reader", ended);
    expect(fs.readFileSync(copy).equals(pattern)).toBe(true);
  });

  it("writes more than the kernel writes at once, and closes the file", async () => {
    const huge = Buffer.alloc(2 ** 31 + 5); // of pages that nobody touches
    const before = countDescriptors("/dev/null");
    const { submitted } = running.engine.stats();
    await running.client.writeFile("/dev/null", huge);
    expect(countDescriptors("/dev/null")).toBe(before);
    // An open, two writes, a close.
    expect(running.engine.stats().submitted - submitted).toBe(4);
  });

  it("writes many files at a time, and leaks no descriptor", async () => {
    const files = Array.from({ length: 120 }, (_, nth) => ({
      pattern: patternBytes((nth * 1777) % 150_000, nth),
      path: dir().fresh(),
    }));
    await running.client.nop();
    const before = countDescriptors(dir().path);
    await Promise.all(files.map(({ path, pattern }) => running.client.writeFile(path, pattern)));
    expect(countDescriptors(dir().path)).toBe(before);
    for (const { path, pattern } of files) expect(fs.readFileSync(path).equals(pattern)).toBe(true);
  });

  it("that waits for a full FIFO is cancelled when its client closes, and its descriptor with it", async () => {
    const fifo = makeFifo(dir().fresh());
    const other = await connect(running.engine.handle());
    await other.nop();
    const before = countDescriptors(dir().path);
    const written = other
      .writeFile(fifo.path, Buffer.alloc(1 << 20))
      .catch((error: NodeJS.ErrnoException) => error);
    await within(SOON_MS, "close", other.disconnect({ graceMs: 10 }));
    expect(await within(SOON_MS, "writeFile", written)).toMatchObject({ code: "ECANCELED" });
    expect(countDescriptors(dir().path)).toBe(before);
    fifo.close();
  });

  describe("fails as node:fs does", () => {
    const both = async (code: string, path: string, options?: WriteFileOptions) => {
      const before = countDescriptors(dir().path);
      await expectNodesFailure(
        code,
        () => running.client.writeFile(path, "data", options),
        () => nodeWriteFile(path, "data", options),
      );
      expect(countDescriptors(dir().path)).toBe(before);
    };

    it("ENOENT, in a directory that is not there", () => both("ENOENT", dir().at("no/such – 欠")));
    it("ENOENT, of the empty path", () => both("ENOENT", ""));
    it("ENOTDIR, below a file", () => both("ENOTDIR", `${dir().file("x")}/child`));
    it("EISDIR, of a directory", () => both("EISDIR", dir().path));
    it("EEXIST, of what is there already", () => both("EEXIST", dir().file("x"), { flag: "wx" }));
    it("EBADF, of what is opened for reading only", () =>
      both("EBADF", dir().file("x"), { flag: "r" }));
    it("ENOSPC, on a full device", () => both("ENOSPC", "/dev/full"));
    it("ENAMETOOLONG, of a path of 4096 bytes", () => both("ENAMETOOLONG", "/".repeat(4096)));
    it("ELOOP, of links in a circle", () => {
      const link = dir().fresh();
      fs.symlinkSync(link, link);
      return both("ELOOP", link);
    });
    it("EINVAL, of a device that can't be flushed", async (context) => {
      // Options that are unknown to a Node.js without `flush` are ignored by it.
      const isKnown = await nodeWriteFile("/dev/null", "data", { flush: true } as object).then(
        () => false,
        () => true,
      );
      if (!isKnown) context.skip(`node:fs of ${process.version} flushes nothing`);
      await both("EINVAL", "/dev/null", { flush: true });
    });
  });
});
