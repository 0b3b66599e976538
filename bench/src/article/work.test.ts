import { closeSync, constants, openSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withWorkFolder } from "../work-folder.js";
import { alignedBuffers, Work } from "./work.js";

const cell = { blockBytes: 16_384, depth: 8, direct: true };
const BLOCKS = 10;
/** The last block isn't a whole one. */
const FILE_BYTES = BLOCKS * cell.blockBytes + 100;

function take(count: number, seed: number) {
  const work = new Work(cell, FILE_BYTES, seed);
  return Array.from({ length: count }, () => ({
    isRead: work.nextIsRead(),
    position: work.nextPosition(),
  }));
}

test("three of four transfers are reads, and all whole blocks of the file have their turn", () => {
  const transfers = take(10_000, 1);
  const reads = transfers.filter(({ isRead }) => isRead).length;
  expect(reads).toBeGreaterThan(7300);
  expect(reads).toBeLessThan(7700);
  const positions = [...new Set(transfers.map(({ position }) => position))].sort((a, b) => a - b);
  expect(positions).toEqual(Array.from({ length: BLOCKS }, (_, nth) => nth * cell.blockBytes));
});

test("the same seed is the same work", () => {
  expect(take(100, 5)).toEqual(take(100, 5));
  expect(take(100, 5)).not.toEqual(take(100, 6));
});

test("a file without a whole block, or a short transfer, is an error", () => {
  expect(() => new Work(cell, 100, 1)).toThrow("100 bytes has no such block");
  expect(() => new Work(cell, FILE_BYTES, 1).checkBytes(512)).toThrow("512 bytes of 16384");
});

test("buffers are apart, and each is aligned as O_DIRECT wants it", () =>
  withWorkFolder("ringpost-aligned-test-", async (folder) => {
    const path = join(folder, "data");
    writeFileSync(path, Buffer.alloc(4096, 7));
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECT);
    try {
      const buffers = alignedBuffers(3, 4096);
      buffers[1]!.fill(1);
      expect(readSync(fd, buffers[0]!, 0, 4096, 0)).toBe(4096);
      expect(readSync(fd, buffers[2]!, 0, 4096, 0)).toBe(4096);
      expect(buffers.map((buffer) => [buffer.length, buffer[0], buffer.at(-1)])).toEqual([
        [4096, 7, 7],
        [4096, 1, 1],
        [4096, 7, 7],
      ]);
    } finally {
      closeSync(fd);
    }
  }));
