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

describeOnEngineSetups((running) => {
  const openWith = (data: string | Uint8Array): number => descriptors.open(dir().file(data));

  it("fills one view after the other, and gives the bytes of all", async () => {
    const views = [Buffer.alloc(3), Buffer.alloc(1), Buffer.alloc(4)];
    expect(await running.client.readv(openWith("abcdefgh"), views)).toBe(8);
    expect(views.map(String)).toEqual(["abc", "d", "efgh"]);
  });

  it("fills views of all kinds at once, and not a byte around them", async () => {
    const views = viewsOnBuffers.map(([view, buffer]) => fencedView(32, view, buffer));
    const pattern = patternBytes(32 * views.length);
    expect(await running.client.readv(openWith(pattern), views, 0)).toBe(pattern.length);
    expect(Buffer.concat(views.map(bytesOf))).toEqual(pattern);
    for (const view of views) expectFencesIntact(view);
  });

  it("reads fewer bytes at the end of the file, and leaves the rest", async () => {
    const views = [fencedView(4), fencedView(4), fencedView(4)];
    expect(await running.client.readv(openWith("12345"), views)).toBe(5);
    expect(Buffer.concat(views.map(bytesOf)).toString()).toBe("12345".padEnd(12, "\0"));
    for (const view of views) expectFencesIntact(view);
  });

  it("reads 0 bytes at the end, into no views, and into empty ones", async () => {
    const fd = openWith("12345");
    expect(await running.client.readv(fd, [Buffer.alloc(4)], 5)).toBe(0);
    expect(await running.client.readv(fd, [])).toBe(0);
    expect(await running.client.readv(fd, [new Uint8Array(0), Buffer.alloc(0)])).toBe(0);
    const among = [new Uint8Array(0), Buffer.alloc(2), new DataView(new ArrayBuffer(0))];
    expect(await running.client.readv(fd, among, 3)).toBe(2);
    expect(String(among[1])).toBe("45");
  });

  it("takes as many views as the kernel does, and no more", async () => {
    const views = Array.from({ length: 1024 }, () => Buffer.alloc(2));
    const pattern = patternBytes(2048);
    expect(await running.client.readv(openWith(pattern), views)).toBe(2048);
    expect(Buffer.concat(views).equals(pattern)).toBe(true);
    const tooMany = [...views, Buffer.alloc(2)];
    const failure = await failureOf(() => running.client.readv(0, tooMany));
    expect(failure).toMatchObject({ class: "RangeError", code: "ERR_OUT_OF_RANGE" });
  });

  it("doesn't keep to the array that it was given", async () => {
    const fd = openWith("abcd");
    const views = [Buffer.alloc(2), Buffer.alloc(2)];
    const [first, second] = views;
    const read = running.client.readv(fd, views);
    views.length = 0;
    expect(await read).toBe(4);
    expect(`${first}${second}`).toBe("abcd");
  });

  describe("takes its position", () => {
    it.each(currentPositions)("from the descriptor for %s, which moves on", async (_, position) => {
      const fd = openWith("abcdef");
      const views = [Buffer.alloc(1), Buffer.alloc(2)];
      expect(await running.client.readv(fd, views, position)).toBe(3);
      expect(await running.client.readv(fd, views, position)).toBe(3);
      expect(views.map(String)).toEqual(["d", "ef"]);
      expect(await running.client.readv(fd, views, position)).toBe(0);
    });

    it.each(farPositions)("in a sparse file at %d", async (position) => {
      const path = dir().fresh();
      const fd = descriptors.open(path, "w+");
      fs.writeSync(fd, Buffer.from("far"), 0, 3, position);
      for (const given of [position, { position: BigInt(position) }]) {
        const views = [Buffer.alloc(1), Buffer.alloc(2)];
        expect(await running.client.readv(fd, views, given)).toBe(3);
        expect(views.map(String)).toEqual(["f", "ar"]);
      }
      fs.unlinkSync(path);
    });
  });

  it("runs many at a time with different numbers of views", async () => {
    const pattern = patternBytes(200 * 64);
    const fd = openWith(pattern);
    const jobs = Array.from({ length: 200 }, (_, nth) => {
      const views = Array.from({ length: 1 + (nth % 8) }, () => fencedView(8));
      return { views, read: running.client.readv(fd, views, nth * 64) };
    });
    for (const [nth, { views, read }] of jobs.entries()) {
      expect(await read).toBe(8 * views.length);
      const expected = pattern.subarray(nth * 64, nth * 64 + 8 * views.length);
      expect(Buffer.concat(views.map(bytesOf)).equals(expected)).toBe(true);
      for (const view of views) expectFencesIntact(view);
    }
  });

  it("waits for a FIFO, and is cancelled when its client closes", async () => {
    const fifo = makeFifo(dir().fresh());
    const other = await connect(running.engine.handle());
    const views = [Buffer.alloc(2), Buffer.alloc(10)];
    const read = other.readv(fifo.fd, views);
    await other.nop();
    fs.writeSync(fifo.fd, "short");
    expect(await within(SOON_MS, "readv", read)).toBe(5);
    expect(Buffer.concat(views).toString("utf8", 0, 5)).toBe("short");

    const waiting = other.readv(fifo.fd, views).catch((error: NodeJS.ErrnoException) => error);
    await within(SOON_MS, "close", other.disconnect({ graceMs: 10 }));
    expect(await waiting).toMatchObject({ code: "ECANCELED", syscall: "read" });
    fifo.close();
  });

  describe("fails as node:fs does", () => {
    const both = (code: string, fd: number, position: Position = null) =>
      expectNodesFailure(
        code,
        () => running.client.readv(fd, [Buffer.alloc(2), Buffer.alloc(2)], position),
        () => nodeByDescriptor.readv(fd, [Buffer.alloc(2), Buffer.alloc(2)], position),
      );

    it("EBADF, of what is not open", () => both("EBADF", 0x7fff_ffff));
    it("EBADF, of what is open for writing only", () =>
      both("EBADF", descriptors.open(dir().fresh(), "w"), 0));
    it("EISDIR, of a directory", () => both("EISDIR", descriptors.open(dir().path)));
  });
});
