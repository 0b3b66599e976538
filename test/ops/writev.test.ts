import fs from "node:fs";
import { connect, type Position } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { expectNodesFailure, failureOf } from "../support/failures.js";
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

const texts = (...parts: string[]): Buffer[] => parts.map((part) => Buffer.from(part));

describeOnEngineSetups((running) => {
  it("writes one view after the other, and gives the bytes of all", async () => {
    const path = dir().fresh();
    const views = texts("abc", "d", "efgh");
    expect(await running.client.writev(descriptors.open(path, "w"), views)).toBe(8);
    expect(fs.readFileSync(path, "utf8")).toBe("abcdefgh");
  });

  it("writes views of all kinds at once, and not a byte around them", async () => {
    const path = dir().fresh();
    const pattern = patternBytes(32 * viewsOnBuffers.length);
    const views = viewsOnBuffers.map(([view, buffer], nth) => {
      const fenced = fencedView(32, view, buffer);
      bytesOf(fenced).set(pattern.subarray(nth * 32, (nth + 1) * 32));
      return fenced;
    });
    expect(await running.client.writev(descriptors.open(path, "w"), views, 0)).toBe(pattern.length);
    expect(fs.readFileSync(path)).toEqual(pattern);
    for (const view of views) expectFencesIntact(view);
  });

  it("writes nothing of no views, and of empty ones", async () => {
    const path = dir().fresh();
    const fd = descriptors.open(path, "w");
    expect(await running.client.writev(fd, [])).toBe(0);
    expect(await running.client.writev(fd, [new Uint8Array(0), Buffer.alloc(0)])).toBe(0);
    expect(await running.client.writev(fd, texts("", "x", "", "y"))).toBe(2);
    expect(fs.readFileSync(path, "utf8")).toBe("xy");
  });

  it("takes as many views as the kernel does, and no more", async () => {
    const path = dir().fresh();
    const pattern = patternBytes(2048);
    const views = Array.from({ length: 1024 }, (_, nth) => pattern.subarray(nth * 2, nth * 2 + 2));
    expect(await running.client.writev(descriptors.open(path, "w"), views)).toBe(2048);
    expect(fs.readFileSync(path).equals(pattern)).toBe(true);
    const failure = await failureOf(() => running.client.writev(0, [...views, pattern]));
    expect(failure).toMatchObject({ class: "RangeError", code: "ERR_OUT_OF_RANGE" });
  });

  describe("takes its position", () => {
    it.each(currentPositions)("from the descriptor for %s, which moves on", async (_, position) => {
      const path = dir().fresh();
      const fd = descriptors.open(path, "w");
      await running.client.writev(fd, texts("a", "bc"), position);
      await running.client.writev(fd, texts("d", "ef"), position);
      expect(fs.readFileSync(path, "utf8")).toBe("abcdef");
    });

    it.each(farPositions)("in a sparse file at %d", async (position) => {
      const path = dir().fresh();
      const fd = descriptors.open(path, "w+");
      expect(await running.client.writev(fd, texts("f", "ar"), position)).toBe(3);
      expect(fs.fstatSync(fd).size).toBe(position + 3);
      expect(await running.client.writev(fd, texts("b", "a"), BigInt(position))).toBe(2);
      const buffer = Buffer.alloc(3);
      fs.readSync(fd, buffer, 0, 3, position);
      expect(buffer.toString()).toBe("bar");
      fs.unlinkSync(path);
    });
  });

  it("may be short, on a pipe that has room for less", async () => {
    const fifo = makeFifo(dir().fresh());
    const fd = descriptors.open(fifo.path, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
    const pattern = patternBytes(1 << 20);
    const views = [pattern.subarray(0, 100_000), pattern.subarray(100_000)];
    const count = await within(SOON_MS, "writev", running.client.writev(fd, views));
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(1 << 20);
    fifo.close();
  });

  it("that waits for a full pipe is cancelled when the client closes", async () => {
    const fifo = makeFifo(dir().fresh());
    const other = await connect(running.engine.handle());
    fs.writeSync(fifo.fd, Buffer.alloc(1 << 16));
    const waiting = other
      .writev(fifo.fd, texts("no", "room"))
      .catch((error: NodeJS.ErrnoException) => error);
    await within(SOON_MS, "close", other.disconnect({ graceMs: 10 }));
    expect(await waiting).toMatchObject({ code: "ECANCELED", syscall: "write" });
    fifo.close();
  });

  describe("fails as node:fs does", () => {
    const both = (code: string, fd: number, position: Position = null) =>
      expectNodesFailure(
        code,
        () => running.client.writev(fd, texts("a", "b"), position),
        () => nodeByDescriptor.writev(fd, texts("a", "b"), position),
      );

    it("EBADF, of what is not open", () => both("EBADF", 0x7fff_ffff));
    it("EBADF, of what is open for reading only", () =>
      both("EBADF", descriptors.open(dir().file("x"))));
    it("ENOSPC, on a full device", () => both("ENOSPC", descriptors.open("/dev/full", "w")));
    it("EFBIG, beyond the largest file", () =>
      both("EFBIG", descriptors.open(dir().fresh(), "w"), Number.MAX_SAFE_INTEGER));
  });
});
