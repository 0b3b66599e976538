/**
 * A close overtook what the kernel gives to its worker threads, and steps of chains whose turn was to come: they found the descriptor
 * closed, or the next file that had its number, and wrote into that.
 */
import fs from "node:fs";
import { basename } from "node:path";
import type { Client } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { makeFifoPath } from "../support/fifos.js";
import { useTempDir } from "../support/temp-dir.js";

const { S_IFMT, S_IFIFO } = fs.constants;

const dir = useTempDir();

const ROUNDS = 10;
/** From here on a transfer goes to a worker at once (native/src/transfer.h). */
const LONG_BYTES = 4 << 20;
const POLLPRI = 2;
const content = "content";
const others = "of somebody else";

type OnFile = (client: Client, fd: number) => Promise<unknown>;

/** What it says of the file, and what becomes of the file. */
const onFile: Record<string, readonly [OnFile, unknown, RegExp]> = {
  ftruncate: [(client, fd) => client.ftruncate(fd, 3), undefined, /^con$/],
  fallocate: [(client, fd) => client.fallocate(fd, 0, 0, 9), undefined, /^content\0\0$/],
  stat: [(client, fd) => client.stat(fd).then(({ size }) => size), content.length, /^content$/],
  fsync: [(client, fd) => client.fsync(fd), undefined, /^content$/],
  "a long write": [
    (client, fd) => client.write(fd, Buffer.alloc(LONG_BYTES, "x"), 0),
    LONG_BYTES,
    /^x{4194304}$/,
  ],
  "a chain": [
    (client, fd) => client.chain().nop().write(fd, Buffer.from("C"), 0).ftruncate(fd, 4).run(),
    [undefined, 1, undefined],
    /^Cont$/,
  ],
  "a chain at the file's own offset": [
    (client, fd) =>
      client.chain().nop().write(fd, Buffer.from("C")).write(fd, Buffer.from("O")).run(),
    [undefined, 1, 1],
    /^COntent$/,
  ],
};

describeOnEngineSetups(
  (running) => {
    it.each(Object.entries(onFile))(
      "%s before it works on its file",
      async (_, [use, said, left]) => {
        const { client } = running;
        for (let round = 0; round < ROUNDS; round++) {
          const path = dir().file(content, "ours");
          const other = dir().file(others, "another");
          const fd = await client.open(path, "r+");
          const used = use(client, fd);
          const closed = client.close(fd);
          const next = client.open(other, "r+"); // has the number, unless the close waits
          expect(await used).toEqual(said);
          await closed;
          await client.close(await next);
          expect(fs.readFileSync(path, "latin1")).toMatch(left);
          expect(fs.readFileSync(other, "utf8")).toBe(others);
        }
      },
    );

    it("a splice from or to a file works on that file", async () => {
      const { client } = running;
      const pipe = await client.pipe();
      const splices = {
        ours: (fd: number) => client.splice(fd, 0, pipe[1], null, content.length),
        to: (fd: number) => client.splice(pipe[0], null, fd, 0, content.length),
      };
      for (let round = 0; round < ROUNDS; round++) {
        const other = dir().file(others, "another");
        const into = dir().file("", "to");
        dir().file(content, "ours");
        for (const [name, splice] of Object.entries(splices)) {
          const fd = await client.open(dir().at(name), "r+");
          const moved = splice(fd);
          const closed = client.close(fd);
          const next = client.open(other, "r+");
          expect(await moved).toBe(content.length);
          await closed;
          await client.close(await next);
        }
        expect(fs.readFileSync(into, "utf8")).toBe(content);
        expect(fs.readFileSync(other, "utf8")).toBe(others);
      }
      for (const fd of pipe) await client.close(fd);
    });

    it("what ends by itself is carried out on a pipe, too", async () => {
      const { client } = running;
      for (let round = 0; round < ROUNDS; round++) {
        const [readFd, writeFd] = await client.pipe();
        const stats = [readFd, writeFd].map((fd) => client.stat(fd));
        await Promise.all([client.close(readFd), client.close(writeFd)]);
        for (const { mode } of await Promise.all(stats)) expect(mode & S_IFMT).toBe(S_IFIFO);
      }
    });

    it("but doesn't wait for ever: what waits itself is cancelled", async () => {
      const { client } = running;
      const pipe = await client.pipe();
      const file = await client.open(dir().file(content), "r+");
      const folder = await client.open(dir().path);
      const fifo = makeFifoPath(dir().fresh());
      const waits = [
        client.splice(pipe[0], null, file, 0, 1),
        client.openat2(basename(fifo), { dirFd: folder, flags: fs.constants.O_WRONLY }),
        client.chain().read(pipe[0], Buffer.alloc(1)).fsync(file).run(),
      ];
      const codes = Promise.all(waits.map((promise) => failureOf(() => promise)));
      await client.nop(); // they have begun
      await within(SOON_MS, "the closes", Promise.all([client.close(file), client.close(folder)]));
      client.cancel(pipe[0]);
      const [spliced, opened, chained] = (await codes).map(({ code }) => code);
      expect([spliced, chained]).toEqual(["ECANCELED", "ECANCELED"]);
      expect(opened).toMatch(/^(ECANCELED|ENXIO)$/); // the latter by a plain system call, which doesn't wait
      for (const fd of pipe) await client.close(fd);
    });

    it("waits for as long as what is before it goes on", async () => {
      const { client } = running;
      const fd = await client.open(dir().file(""), "r+");
      const block = Buffer.alloc(LONG_BYTES);
      const chain = client.chain();
      for (let nth = 0; nth < 6; nth++) chain.write(fd, block, nth * LONG_BYTES).fsync(fd);
      const written = chain.run();
      await client.close(fd);
      expect(await written).toHaveLength(12);
    });

    it("ends the polls of a file that can be polled", async () => {
      const { client } = running;
      const fd = await client.open("/proc/self/mountinfo");
      const polled = failureOf(() => client.poll(fd, POLLPRI));
      await client.nop();
      await within(SOON_MS, "the close", client.close(fd));
      expect((await within(SOON_MS, "the poll", polled)).code).toBe("ECANCELED");
    });
  },
  { credits: 16 },
);
