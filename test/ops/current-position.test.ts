/**
 * The position of the descriptor itself, which read(2) and write(2) move on. The kernel's io_uring moves it only where a request ends
 * within the call that issues it: the cases where it doesn't (O_DIRECT, several requests at a time) are here, and work all the same.
 */
import fs from "node:fs";
import { operations, Region, ReplyNote } from "@ringpost/protocol";
import { connect } from "ringpost";
import { expect, it } from "vitest";
import { onceThereIsASeat } from "../support/connecting.js";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { RawClient } from "../support/raw-client.js";
import { useTempDir } from "../support/temp-dir.js";

const BLOCK_BYTES = 4096;
const BLOCKS = 8;

const dir = useTempDir();
const descriptors = useDescriptors();

/** A file of which block n consists of n + 1. */
function makeBlocks(): string {
  const blocks = Array.from({ length: BLOCKS }, (_, nth) => Buffer.alloc(BLOCK_BYTES, nth + 1));
  const path = dir().file(Buffer.concat(blocks));
  const fd = descriptors.open(path, "r+");
  fs.fsyncSync(fd);
  return path;
}

const ALL_IN_ORDER = Array.from({ length: BLOCKS }, (_, nth) => nth + 1);

describeOnEngineSetups((running) => {
  const lendBlocks = () => Array.from({ length: BLOCKS }, () => running.client.lease(BLOCK_BYTES));

  it("moves on from one kind of request to the next", async () => {
    const path = dir().file("abcdefgh");
    const fd = descriptors.open(path, "r+");
    const buffer = Buffer.alloc(2);
    await running.client.read(fd, buffer);
    await running.client.write(fd, Buffer.from("--"));
    await running.client.readv(fd, [buffer.subarray(0, 1), buffer.subarray(1)]);
    await running.client.writev(fd, [Buffer.from("+"), Buffer.from("+")]);
    expect(buffer.toString()).toBe("ef");
    expect(fs.readFileSync(path, "utf8")).toBe("ab--ef++");
    expect(await running.client.read(fd, buffer)).toBe(0);
  });

  it("moves on for node:fs, too", async () => {
    const fd = descriptors.open(dir().file("abcdef"));
    const buffer = Buffer.alloc(2);
    await running.client.read(fd, buffer);
    fs.readSync(fd, buffer);
    expect(buffer.toString()).toBe("cd");
    await running.client.read(fd, buffer);
    expect(buffer.toString()).toBe("ef");
  });

  it("gives each of several reads at a time bytes of its own", async () => {
    const fd = descriptors.open(makeBlocks());
    const buffers = Array.from({ length: BLOCKS }, () => Buffer.alloc(BLOCK_BYTES));
    await Promise.all(buffers.map((buffer) => running.client.read(fd, buffer)));
    expect(buffers.map((buffer) => buffer[0]).sort()).toEqual(ALL_IN_ORDER);
  });

  it("gives each of several writes at a time a place of its own", async () => {
    const path = dir().fresh();
    const fd = descriptors.open(path, "w");
    const blocks = ALL_IN_ORDER.map((fill) => Buffer.alloc(BLOCK_BYTES, fill));
    await Promise.all(blocks.map((block) => running.client.write(fd, block)));
    const written = fs.readFileSync(path);
    expect(written).toHaveLength(BLOCKS * BLOCK_BYTES);
    expect(ALL_IN_ORDER.map((nth) => written[(nth - 1) * BLOCK_BYTES]).sort()).toEqual(
      ALL_IN_ORDER,
    );
  });

  it("moves on where O_DIRECT reads past the page cache", async (context) => {
    const fd = descriptors.openDirect(context, running.engine, makeBlocks(), fs.constants.O_RDONLY);
    using lease = running.client.lease(BLOCK_BYTES);
    const seen: (number | undefined)[] = [];
    for (let nth = 0; nth < BLOCKS; nth++) {
      expect(await running.client.read(fd, lease.buffer)).toBe(BLOCK_BYTES);
      seen.push(lease.buffer[0]);
    }
    expect(seen).toEqual(ALL_IN_ORDER);
    expect(await running.client.read(fd, lease.buffer)).toBe(0);
  });

  it("moves on where O_DIRECT writes past the page cache", async (context) => {
    const path = makeBlocks();
    const fd = descriptors.openDirect(context, running.engine, path, fs.constants.O_WRONLY);
    using lease = running.client.lease(BLOCK_BYTES);
    for (let nth = 0; nth < BLOCKS; nth++) {
      lease.buffer.fill(100 + nth);
      expect(await running.client.write(fd, lease.buffer)).toBe(BLOCK_BYTES);
    }
    const written = fs.readFileSync(path);
    expect(ALL_IN_ORDER.map((_, nth) => written[nth * BLOCK_BYTES])).toEqual(
      ALL_IN_ORDER.map((_, nth) => 100 + nth),
    );
  });

  it("gives each of several O_DIRECT reads at a time bytes of its own", async (context) => {
    const fd = descriptors.openDirect(context, running.engine, makeBlocks(), fs.constants.O_RDONLY);
    const leases = lendBlocks();
    await Promise.all(leases.map(({ buffer }) => running.client.read(fd, buffer)));
    expect(leases.map(({ buffer }) => buffer[0]).sort()).toEqual(ALL_IN_ORDER);
    for (const lease of leases) lease[Symbol.dispose]();
  });

  it("is behind what was appended, and moves on from where reads begin", async () => {
    const path = dir().file("begun ");
    const fd = descriptors.open(path, "a+");
    const buffer = Buffer.alloc(20);
    expect(await running.client.read(fd, buffer.subarray(0, 3))).toBe(3);
    await Promise.all(["and ", "ended"].map((text) => running.client.write(fd, Buffer.from(text))));
    expect(await running.client.read(fd, buffer)).toBe(0);
    expect(fs.readFileSync(path, "utf8")).toHaveLength("begun and ended".length);
  });

  it("is the file's until a close that was asked for later", async () => {
    const fd = fs.openSync(makeBlocks(), "r");
    const buffers = Array.from({ length: BLOCKS }, () => Buffer.alloc(BLOCK_BYTES));
    const reads = buffers.map((buffer) => running.client.read(fd, buffer));
    await within(SOON_MS, "close", running.client.close(fd));
    expect(await Promise.all(reads)).toEqual(ALL_IN_ORDER.map(() => BLOCK_BYTES));
    expect(buffers.map((buffer) => buffer[0])).toEqual(ALL_IN_ORDER);
  });

  it("leaves no one waiting behind reads of a client that is cut off", async (context) => {
    const path = makeBlocks();
    const fd = descriptors.openDirect(context, running.engine, path, fs.constants.O_RDONLY);
    const other = await onceThereIsASeat(() => connect(running.engine.handle()));
    const ours = lendBlocks();
    const reads: Promise<number>[] = [];
    for (let nth = 0; nth < BLOCKS; nth++) {
      reads.push(other.read(fd, new Uint8Array(BLOCK_BYTES)).catch(() => 0));
      reads.push(running.client.read(fd, ours[nth]!.buffer));
    }
    await within(SOON_MS, "disconnect", other.disconnect({ graceMs: 0 }));
    await within(SOON_MS, "reads", Promise.all(reads));
    for (const lease of ours) lease[Symbol.dispose]();
  });

  it("moves on within readFile, too, where O_DIRECT reads past the page cache", async (context) => {
    const path = makeBlocks();
    descriptors.openDirect(context, running.engine, path, fs.constants.O_RDONLY);
    // Not by the client's own readFile: one that doesn't move on would go on to 2 GiB.
    const raw = await onceThereIsASeat(() => new RawClient(running.engine.handle()));
    try {
      const slot = 0;
      const bytes = 2 * BLOCKS * BLOCK_BYTES;
      raw.native.pin(slot, 1, raw.alignedView(bytes));
      const reply = await raw.ask({
        ...{ SLOT: slot, GENERATION: 1, OPCODE: operations.readFile.opcode, LENGTH: bytes },
        ...{ REGION: Region.OWN, REGION_GENERATION: 1 },
        ...{ FLAGS: fs.constants.O_DIRECT, PATH_BYTES: raw.writePath(slot, path) },
      });
      expect(reply).toMatchObject({ result: BLOCKS * BLOCK_BYTES, note: ReplyNote.END_OF_FILE });
    } finally {
      raw.native.close();
    }
  });
});
