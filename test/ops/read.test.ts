import fs from "node:fs";
import { type BufferView, connect, type Position, type TransferOptions } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { expectNodesFailure, expectSameFailure } from "../support/failures.js";
import {
  bytesOf,
  expectFencesIntact,
  fencedView,
  patternBytes,
  viewsOnBuffers,
} from "../support/fenced-views.js";
import { makeFifo } from "../support/fifos.js";
import { nodeByDescriptor } from "../support/node-by-descriptor.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { currentPositions, farPositions } from "../support/positions.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const descriptors = useDescriptors();

/** As an option; undefined: no such option. */
const at = (position: Position | undefined): TransferOptions =>
  position === undefined ? {} : { position };

describeOnEngineSetups((running) => {
  const openWith = (data: string | Uint8Array): number => descriptors.open(dir().file(data));

  it("gives the bytes read", async () => {
    const fd = openWith("hello, ring");
    const buffer = Buffer.alloc(11);
    expect(await running.client.read(fd, buffer)).toBe(11);
    expect(buffer.toString()).toBe("hello, ring");
  });

  it.each(viewsOnBuffers)("fills a %s on a %s, and not a byte around it", async (view, buffer) => {
    const pattern = patternBytes(64);
    const fenced = fencedView(64, view, buffer);
    expect(await running.client.read(openWith(pattern), fenced, { position: 0 })).toBe(64);
    expect(Buffer.from(bytesOf(fenced))).toEqual(pattern);
    expectFencesIntact(fenced);
  });

  it("fills small typed arrays that V8 keeps on its own heap", async () => {
    const fd = openWith(patternBytes(3000));
    const arrays = Array.from({ length: 1000 }, () => new Uint8Array(3));
    const reads = arrays.map((array, nth) => running.client.read(fd, array, nth * 3));
    expect(await Promise.all(reads)).toEqual(arrays.map(() => 3));
    expect(Buffer.concat(arrays)).toEqual(patternBytes(3000));
  });

  it("reads fewer bytes at the end of the file, and leaves the rest of the view", async () => {
    const fd = openWith("12345");
    const fenced = fencedView(16);
    expect(await running.client.read(fd, fenced, { position: 2 })).toBe(3);
    expect(Buffer.from(bytesOf(fenced))).toEqual(Buffer.from("345".padEnd(16, "\0")));
    expectFencesIntact(fenced);
  });

  it("reads 0 bytes at the end, and behind it", async () => {
    const fd = openWith("12345");
    expect(await running.client.read(fd, Buffer.alloc(4), 5)).toBe(0);
    expect(await running.client.read(fd, Buffer.alloc(4), 5000)).toBe(0);
  });

  it("reads 0 bytes into an empty view", async () => {
    const fd = openWith("12345");
    expect(await running.client.read(fd, new Uint8Array(0))).toBe(0);
    expect(await running.client.read(fd, fencedView(0))).toBe(0);
    expect(await running.client.read(fd, new DataView(new ArrayBuffer(0)), 2)).toBe(0);
  });

  it("reads a megabyte in one go", async () => {
    const pattern = patternBytes(1 << 20);
    const buffer = Buffer.alloc(1 << 20);
    expect(await running.client.read(openWith(pattern), buffer, 0)).toBe(1 << 20);
    expect(buffer.equals(pattern)).toBe(true);
  });

  describe("takes its position", () => {
    it.each(currentPositions)("from the descriptor for %s, which moves on", async (_, position) => {
      const fd = openWith("abcdef");
      const buffer = Buffer.alloc(2);
      const texts: string[] = [];
      for (let nth = 0; nth < 3; nth++) {
        expect(await running.client.read(fd, buffer, at(position))).toBe(2);
        texts.push(buffer.toString());
      }
      expect(texts).toEqual(["ab", "cd", "ef"]);
      expect(await running.client.read(fd, buffer, position)).toBe(0);
    });

    it("as a number, and the descriptor stays where it is", async () => {
      const fd = openWith("abcdef");
      const buffer = Buffer.alloc(2);
      await running.client.read(fd, buffer, 4);
      expect(buffer.toString()).toBe("ef");
      await running.client.read(fd, buffer, { position: 2 });
      expect(buffer.toString()).toBe("cd");
      await running.client.read(fd, buffer);
      expect(buffer.toString()).toBe("ab");
    });

    it("as a bigint", async () => {
      const fd = openWith("abcdef");
      const buffer = Buffer.alloc(2);
      await running.client.read(fd, buffer, 4n);
      expect(buffer.toString()).toBe("ef");
      await running.client.read(fd, buffer, { position: 0n });
      expect(buffer.toString()).toBe("ab");
    });

    it.each(farPositions)("in a sparse file at %d", async (position) => {
      const path = dir().fresh();
      const fd = descriptors.open(path, "w+");
      fs.writeSync(fd, Buffer.from("far"), 0, 3, position);
      for (const given of [position, BigInt(position)]) {
        const buffer = Buffer.alloc(3);
        expect(await running.client.read(fd, buffer, given)).toBe(3);
        expect(buffer.toString()).toBe("far");
      }
      fs.unlinkSync(path);
    });

    it("at the very end of what a file can be", async () => {
      const fd = openWith("abcdef");
      expect(await running.client.read(fd, Buffer.alloc(2), Number.MAX_SAFE_INTEGER)).toBe(0);
      expect(await running.client.read(fd, Buffer.alloc(2), 2n ** 63n - 1n - 4096n)).toBe(0);
    });
  });

  it("reads from a device", async () => {
    const zeros = Buffer.alloc(100, 1);
    expect(await running.client.read(descriptors.open("/dev/zero"), zeros)).toBe(100);
    expect(zeros.equals(Buffer.alloc(100))).toBe(true);
    expect(await running.client.read(descriptors.open("/dev/null"), zeros)).toBe(0);
  });

  it("waits for a FIFO to have something, and gives what it has", async () => {
    const fifo = makeFifo(dir().fresh());
    const buffer = Buffer.alloc(10);
    const read = running.client.read(fifo.fd, buffer);
    await running.client.nop();
    fs.writeSync(fifo.fd, "short");
    expect(await within(SOON_MS, "read", read)).toBe(5);
    expect(buffer.toString("utf8", 0, 5)).toBe("short");
    fifo.close();
  });

  it("waits for a FIFO that is not to block, too: io_uring polls, where read(2) says EAGAIN", async () => {
    const fifo = makeFifo(dir().fresh());
    const { O_RDONLY, O_NONBLOCK } = fs.constants;
    const read = running.client.read(
      descriptors.open(fifo.path, O_RDONLY | O_NONBLOCK),
      Buffer.alloc(4),
    );
    await running.client.nop();
    fs.writeSync(fifo.fd, "here");
    expect(await within(SOON_MS, "read", read)).toBe(4);
    fifo.close();
  });

  it("keeps a buffer alive that nobody else holds", async () => {
    const fifo = makeFifo(dir().fresh());
    const read = running.client.read(fifo.fd, Buffer.alloc(100_000));
    // Memory that a too early collection would hand to somebody else.
    for (let nth = 0; nth < 200; nth++) Buffer.alloc(100_000, nth);
    fs.writeSync(fifo.fd, "x");
    expect(await within(SOON_MS, "read", read)).toBe(1);
    fifo.close();
  });

  it("reads many pieces at a time, each into its own view", async () => {
    const pattern = patternBytes(300 * 512);
    const fd = openWith(pattern);
    const views = Array.from({ length: 300 }, () => fencedView(512));
    const counts = await Promise.all(
      views.map((view, nth) => running.client.read(fd, view, nth * 512)),
    );
    expect(counts.every((count) => count === 512)).toBe(true);
    expect(Buffer.concat(views.map(bytesOf)).equals(pattern)).toBe(true);
    for (const view of views) expectFencesIntact(view);
  });

  describe("fails as node:fs does", () => {
    const both = (
      code: string,
      fd: number,
      position: Position,
      buffer: BufferView = Buffer.alloc(4),
    ) =>
      expectNodesFailure(
        code,
        () => running.client.read(fd, buffer, position),
        () => nodeByDescriptor.read(fd, buffer, position),
      );

    it("EBADF, of what is not open", () => both("EBADF", 0x7fff_ffff, null));
    it("EBADF, of what is open for writing only", () =>
      both("EBADF", descriptors.open(dir().fresh(), "w"), 0));
    it("EISDIR, of a directory", () => both("EISDIR", descriptors.open(dir().path), null));
    it("EIO or another, of memory that is not there", () => {
      const fd = descriptors.open("/proc/self/mem");
      return expectSameFailure(
        () => running.client.read(fd, Buffer.alloc(4), 0),
        () => nodeByDescriptor.read(fd, Buffer.alloc(4), 0),
      );
    });
  });

  it("pays a position no attention in a pipe, where node:fs says ESPIPE: io_uring has no such check", async () => {
    const fifo = makeFifo(dir().fresh());
    fs.writeSync(fifo.fd, "waiting");
    const buffer = Buffer.alloc(7);
    expect(await within(SOON_MS, "read", running.client.read(fifo.fd, buffer, 5))).toBe(7);
    expect(buffer.toString()).toBe("waiting");
    fifo.close();
  });

  it("is not held up by another client's read that waits", async () => {
    const fifo = makeFifo(dir().fresh());
    const other = await connect(running.engine.handle());
    const waiting = other.read(fifo.fd, Buffer.alloc(4));
    const buffer = Buffer.alloc(5);
    expect(await running.client.read(openWith("quick"), buffer)).toBe(5);
    fs.writeSync(fifo.fd, "done");
    expect(await within(SOON_MS, "read", waiting)).toBe(4);
    await other.close();
    fifo.close();
  });
});
