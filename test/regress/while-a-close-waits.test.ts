/**
 * What happens between the taking of a close and its going to the kernel, and after it: what began to wait on the descriptor meanwhile
 * waited for ever; and the close of a pipe that had a file's number cancelled that file's writes, which were still under way.
 */
import fs from "node:fs";
import { setTimeout } from "node:timers/promises";
import { type Client, connect, type Engine, opened } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";
import { makeFifo } from "../support/fifos.js";
import { useTempDir } from "../support/temp-dir.js";
import { withEngine } from "../support/with-engine.js";

const dir = useTempDir();

const PIPE_BYTES = 65_536;
const BLOCK_BYTES = 4096;

const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  (
    await within(
      SOON_MS,
      "the request",
      failureOf(() => promise),
    )
  ).code;

async function fullPipe(client: Client): Promise<[readFd: number, writeFd: number]> {
  const [readFd, writeFd] = await client.pipe();
  fs.writeSync(writeFd, Buffer.alloc(PIPE_BYTES));
  return [readFd, writeFd];
}

const withTwo = (use: (client: Client, other: Client, engine: Engine) => Promise<void>) =>
  withEngine({}, async (engine) => {
    const other = await connect(engine.handle());
    await use(engine.client, other, engine);
    await other.disconnect();
  });

it.each(["timeout", "fsync", "nop"] as const)(
  "a step behind a %s that comes to wait on the descriptor is cancelled",
  (first) =>
    withEngine({}, async ({ client }) => {
      const [readFd, writeFd] = await client.pipe();
      const chain = client.chain();
      if (first === "timeout") chain.timeout(30);
      else if (first === "nop") chain.nop();
      else chain.fsync(writeFd).hardLink();
      const read = codeOf(chain.read(readFd, Buffer.alloc(4)).run());
      await within(SOON_MS, "the close", client.close(readFd));
      expect(await read).toMatch(first === "fsync" ? /^EINVAL$|^ECANCELED$/ : /^ECANCELED$/);
      await client.close(writeFd);
    }),
);

it("so is what another client begins to wait for", () =>
  withTwo(async (client, other) => {
    const [readFd, writeFd] = await client.pipe();
    const chain = codeOf(client.chain().timeout(30).fsync(readFd).run());
    const closed = client.close(readFd);
    await client.nop(); // it has been taken
    const read = codeOf(other.read(readFd, Buffer.alloc(1)));
    await within(SOON_MS, "the close", closed);
    expect(await read).toBe("ECANCELED");
    expect(await chain).toBe("EINVAL"); // a pipe has nothing to sync
    await client.close(writeFd);
  }));

it("a close doesn't wait for a step behind a splice that waits for its pipe", () =>
  withEngine({}, async ({ client }) => {
    const pipe = await fullPipe(client);
    const blocked = await client.open(dir().file("content"), "r+");
    const path = dir().file("content");
    const fd = await client.open(path, "r+");
    const splice = client.splice(blocked, null, pipe[1], null, 4);
    const chain = client.chain().read(blocked, Buffer.alloc(2)).write(fd, Buffer.from("C"), 0);
    const chained = codeOf(chain.run());
    await within(SOON_MS, "the close", client.close(fd));
    fs.readSync(pipe[0], Buffer.alloc(PIPE_BYTES));
    expect([await splice, await chained]).toEqual([4, "ECANCELED"]);
    expect(fs.readFileSync(path, "utf8")).toBe("content");
    for (const other of [blocked, ...pipe]) await client.close(other);
  }));

it.each(["the chain's own FIFO", "what the program has closed itself"])(
  "nor for one behind a read of %s",
  (what) =>
    withEngine({}, async ({ client }) => {
      const fd = await client.open(dir().file("content"), "r+");
      const fifo = makeFifo(dir().fresh()); // says nothing
      const [readFd, writeFd] = await client.pipe();
      const chain = client.chain();
      if (what.includes("FIFO")) chain.open(fifo.path, "r").read(opened, Buffer.alloc(1));
      else chain.read(readFd, Buffer.alloc(1));
      const written = codeOf(chain.write(fd, Buffer.from("C"), 0).run());
      await client.nop(); // it has begun
      if (!what.includes("FIFO")) fs.closeSync(readFd);
      await within(SOON_MS, "the close", client.close(fd));
      client.cancelAll();
      expect(await written).toBe("ECANCELED");
      fifo.close();
      if (what.includes("FIFO")) await client.close(readFd);
      await client.close(writeFd);
    }),
);

it("what waits for another client's drain works on its own file", () =>
  withTwo(async (client, other) => {
    const path = dir().file("");
    const precious = dir().file("precious");
    const fd = await client.open(path, "r+");
    const drained = [other.timeout(200), other.chain({ drain: true }).nop().run()];
    const written = other.write(fd, Buffer.from("theirs"), 0);
    await setTimeout(10);
    await within(SOON_MS, "the close", client.close(fd));
    const next = await client.open(precious, "r+");
    expect(await written).toBe(6);
    expect(fs.readFileSync(path, "utf8")).toBe("theirs");
    expect(fs.readFileSync(precious, "utf8")).toBe("precious");
    await Promise.all([...drained, client.close(next)]);
  }));

it("a splice that has what it needs isn't cancelled, however long it takes", () =>
  withEngine({ kernelWorkers: { bounded: 1, unbounded: 1 } }, async ({ client }) => {
    const [readFd, writeFd] = await client.pipe();
    fs.writeSync(writeFd, "data");
    const busy = await client.open(dir().fresh(), "w+");
    const path = dir().file("");
    const fd = await client.open(path, "r+");
    const block = Buffer.alloc(4 << 20);
    const others = Array.from({ length: 40 }, (_, nth) =>
      Promise.all([client.write(busy, block, nth * block.length), client.fdatasync(busy)]),
    );
    const splice = client.splice(readFd, null, fd, 0, 4);
    await client.close(fd);
    expect(await splice).toBe(4);
    expect(fs.readFileSync(path, "utf8")).toBe("data");
    await Promise.all(others);
    for (const other of [busy, readFd, writeFd]) await client.close(other);
  }));

it("the close of a pipe cancels no write of the file that had its number", () =>
  withEngine({}, async ({ client }) => {
    const end = performance.now() + 1000;
    const pipes = async (): Promise<void> => {
      while (performance.now() < end) for (const fd of await client.pipe()) await client.close(fd);
    };
    const blocks = Array.from({ length: 4 }, (_, nth) => Buffer.alloc(BLOCK_BYTES, nth + 1));
    const files = async (): Promise<void> => {
      const path = dir().fresh();
      while (performance.now() < end) {
        const fd = await client.open(path, "w+");
        const writes = blocks.map((block, nth) => client.write(fd, block, nth * BLOCK_BYTES));
        await Promise.all([...writes, client.close(fd)]);
        expect(fs.readFileSync(path).equals(Buffer.concat(blocks))).toBe(true);
      }
    };
    await Promise.all([pipes(), pipes(), pipes(), files(), files(), files(), files()]);
  }));
