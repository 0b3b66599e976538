import fs from "node:fs";
import { connect, type Position } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { expectNodesFailure } from "../support/failures.js";
import {
  bytesOf,
  expectFencesIntact,
  fencedView,
  patternBytes,
  viewsOnBuffers,
} from "../support/fenced-views.js";
import { makeFifo, makeFifoPath } from "../support/fifos.js";
import { nodeByDescriptor } from "../support/node-by-descriptor.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { currentPositions, farPositions } from "../support/positions.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const descriptors = useDescriptors();

describeOnEngineSetups((running) => {
  it("gives the bytes written", async () => {
    const path = dir().fresh();
    const fd = descriptors.open(path, "w");
    expect(await running.client.write(fd, Buffer.from("hello, ring"))).toBe(11);
    expect(fs.readFileSync(path, "utf8")).toBe("hello, ring");
  });

  it.each(viewsOnBuffers)("writes a %s on a %s, and not a byte around it", async (view, buffer) => {
    const path = dir().fresh();
    const fenced = fencedView(64, view, buffer);
    bytesOf(fenced).set(patternBytes(64));
    expect(await running.client.write(descriptors.open(path, "w"), fenced, { position: 0 })).toBe(
      64,
    );
    expect(fs.readFileSync(path)).toEqual(patternBytes(64));
    expectFencesIntact(fenced);
    expect(Buffer.from(bytesOf(fenced))).toEqual(patternBytes(64));
  });

  it("writes 0 bytes of an empty view", async () => {
    const path = dir().fresh();
    const fd = descriptors.open(path, "w");
    expect(await running.client.write(fd, new Uint8Array(0))).toBe(0);
    expect(await running.client.write(fd, new DataView(new ArrayBuffer(0)), 5)).toBe(0);
    expect(fs.statSync(path).size).toBe(0);
  });

  it("writes a megabyte in one go", async () => {
    const path = dir().fresh();
    const pattern = patternBytes(1 << 20);
    expect(await running.client.write(descriptors.open(path, "w"), pattern, 0)).toBe(1 << 20);
    expect(fs.readFileSync(path).equals(pattern)).toBe(true);
  });

  it("of more than the kernel writes at once gives what it wrote", async () => {
    const huge = Buffer.alloc(2 ** 31 + 5); // of pages that nobody touches
    const fd = descriptors.open("/dev/null", "w");
    expect(await running.client.write(fd, huge)).toBe(0x7fff_f000);
    expect(await running.client.write(fd, huge.subarray(2 ** 31))).toBe(5);
  });

  describe("takes its position", () => {
    it.each(currentPositions)("from the descriptor for %s, which moves on", async (_, position) => {
      const path = dir().fresh();
      const fd = descriptors.open(path, "w");
      for (const text of ["ab", "cd", "ef"]) {
        await running.client.write(fd, Buffer.from(text), position);
      }
      expect(fs.readFileSync(path, "utf8")).toBe("abcdef");
    });

    it("as a number or a bigint, and the descriptor stays where it is", async () => {
      const path = dir().file("------");
      const fd = descriptors.open(path, "r+");
      await running.client.write(fd, Buffer.from("ef"), 4);
      await running.client.write(fd, Buffer.from("cd"), { position: 2n });
      await running.client.write(fd, Buffer.from("ab"));
      expect(fs.readFileSync(path, "utf8")).toBe("abcdef");
    });

    it.each(farPositions)("in a sparse file at %d", async (position) => {
      const path = dir().fresh();
      const fd = descriptors.open(path, "w+");
      expect(await running.client.write(fd, Buffer.from("far"), position)).toBe(3);
      expect(fs.fstatSync(fd).size).toBe(position + 3);
      expect(await running.client.write(fd, Buffer.from("b"), BigInt(position))).toBe(1);
      const buffer = Buffer.alloc(3);
      fs.readSync(fd, buffer, 0, 3, position);
      expect(buffer.toString()).toBe("bar");
      fs.unlinkSync(path);
    });

    it("at the end, whatever it is, of a file opened to append", async () => {
      const path = dir().file("begun ");
      const fd = descriptors.open(path, "a");
      await running.client.write(fd, Buffer.from("and "), 0);
      await running.client.write(fd, Buffer.from("ended"));
      expect(fs.readFileSync(path, "utf8")).toBe("begun and ended");
    });
  });

  it("may be short, on a pipe that has room for less", async () => {
    const fifo = makeFifo(dir().fresh());
    const fd = descriptors.open(fifo.path, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
    const megabyte = patternBytes(1 << 20);
    const count = await within(SOON_MS, "write", running.client.write(fd, megabyte));
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(1 << 20);
    const read = Buffer.alloc(count);
    for (let done = 0; done < count; ) done += fs.readSync(fifo.fd, read.subarray(done));
    expect(read.equals(megabyte.subarray(0, count))).toBe(true);
    fifo.close();
  });

  it("writes many pieces at a time, each to its own place", async () => {
    const path = dir().fresh();
    const fd = descriptors.open(path, "w");
    const pattern = patternBytes(300 * 512);
    const writes = Array.from({ length: 300 }, (_, nth) =>
      running.client.write(fd, pattern.subarray(nth * 512, (nth + 1) * 512), nth * 512),
    );
    expect((await Promise.all(writes)).every((count) => count === 512)).toBe(true);
    expect(fs.readFileSync(path).equals(pattern)).toBe(true);
  });

  it("that waits for a full pipe is cancelled when the client closes", async () => {
    const fifo = makeFifo(dir().fresh());
    const other = await connect(running.engine.handle());
    const fd = descriptors.open(fifo.path, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
    const full = Buffer.alloc(1 << 16);
    expect(await within(SOON_MS, "write", other.write(fd, full))).toBe(1 << 16);
    const waiting = other.write(fifo.fd, full).catch((error: NodeJS.ErrnoException) => error);
    await within(SOON_MS, "close", other.disconnect({ graceMs: 10 }));
    expect(await within(SOON_MS, "write", waiting)).toMatchObject({
      code: "ECANCELED",
      syscall: "write",
    });
    fifo.close();
  });

  it("pays a position no attention in a pipe, where node:fs says ESPIPE: io_uring has no such check", async () => {
    const fifo = makeFifo(dir().fresh());
    const bytes = Buffer.from("at 5");
    expect(await within(SOON_MS, "write", running.client.write(fifo.fd, bytes, 5))).toBe(4);
    const buffer = Buffer.alloc(8);
    expect(fs.readSync(fifo.fd, buffer)).toBe(4);
    fifo.close();
  });

  describe("fails as node:fs does", () => {
    const both = (code: string, fd: number, position: Position = null) =>
      expectNodesFailure(
        code,
        () => running.client.write(fd, Buffer.from("data"), position),
        () => nodeByDescriptor.write(fd, Buffer.from("data"), position),
      );

    it("EBADF, of what is not open", () => both("EBADF", 0x7fff_ffff));
    it("EBADF, of what is open for reading only", () =>
      both("EBADF", descriptors.open(dir().file("x"))));
    it("ENOSPC, on a full device", () => both("ENOSPC", descriptors.open("/dev/full", "w")));
    it("ENOSPC, on a full device at a position", () =>
      both("ENOSPC", descriptors.open("/dev/full", "w"), 4096));
    it("EFBIG, beyond the largest file", () =>
      both("EFBIG", descriptors.open(dir().fresh(), "w"), Number.MAX_SAFE_INTEGER));
    it("EPIPE, to a pipe that nobody reads any more", async () => {
      const path = makeFifoPath(dir().fresh());
      const reader = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
      const writer = descriptors.open(path, "w");
      fs.closeSync(reader);
      await both("EPIPE", writer);
    });
  });
});
