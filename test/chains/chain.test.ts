/** Chains: the order of their steps, what breaks them, what they open, and what they leave behind. */
import fs from "node:fs";
import { type ChainError, type Client, opened, openedBy } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { patternBytes } from "../support/fenced-views.js";
import { makeFifo } from "../support/fifos.js";
import { countDescriptors, listDescriptors, useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const descriptors = useDescriptors();

/** Enough for the chains below, where the set-up has fewer. */
const CREDITS = 16;

async function brokenBy(chain: { run(): Promise<unknown> }): Promise<ChainError> {
  const error = await within(SOON_MS, "chain", chain.run()).then(
    () => undefined,
    (reason: ChainError) => reason,
  );
  if (error === undefined) throw new Error("The chain was to break");
  return error;
}

const codeOf = (result: unknown): unknown => (result as NodeJS.ErrnoException).code;

describeOnEngineSetups(
  (running) => {
    const ours = (): Client => running.client;

    describe("offsets of what a chain opens", () => {
      it("a splice without a position goes on where a write has ended", async () => {
        const { client } = running;
        const [readFd, writeFd] = await client.pipe();
        await client.write(writeFd, Buffer.from("body"));
        const path = dir().fresh();
        await client
          .chain()
          .open(path, "w")
          .write(opened, Buffer.from("head"))
          .splice(readFd, null, opened, null, 4)
          .write(opened, Buffer.from("tail"))
          .run();
        expect(fs.readFileSync(path, "utf8")).toBe("headbodytail");
        await Promise.all([client.close(readFd), client.close(writeFd)]);
      });

      it("and where a read has ended", async () => {
        const { client } = running;
        const [readFd, writeFd] = await client.pipe();
        const path = dir().file("headbody");
        const head = Buffer.alloc(4);
        await client
          .chain()
          .open(path)
          .read(opened, head)
          .splice(opened, null, writeFd, null, 4)
          .run();
        const body = Buffer.alloc(10);
        expect(await client.read(readFd, body)).toBe(4);
        expect(head.toString() + body.toString("utf8", 0, 4)).toBe("headbody");
        await Promise.all([client.close(readFd), client.close(writeFd)]);
      });

      it("a write goes on where one with RWF_APPEND has ended", async () => {
        const RWF_APPEND = 16;
        const path = dir().file("there");
        await ours()
          .chain()
          .open(path, "r+")
          .write(opened, Buffer.from("one"), { flags: RWF_APPEND })
          .write(opened, Buffer.from("two"))
          .run();
        expect(fs.readFileSync(path, "utf8")).toBe("thereonetwo");
      });
    });

    describe("examples", () => {
      it("copies a file as linked read and write", async () => {
        const content = patternBytes(100_000);
        const [from, to] = [descriptors.open(dir().file(content)), dir().fresh()];
        const target = descriptors.open(to, "w");
        const buffer = Buffer.alloc(content.length);
        const results = await ours().chain().read(from, buffer, 0).write(target, buffer, 0).run();
        expect(results).toEqual([content.length, content.length]);
        expect(fs.readFileSync(to).equals(content)).toBe(true);
      });

      it("appends durably: write, then fdatasync", async () => {
        const path = dir().fresh();
        const fd = descriptors.open(path, "a");
        for (const record of ["one", "two"]) {
          const results = await ours().chain().write(fd, Buffer.from(record)).fdatasync(fd).run();
          expect(results).toEqual([3, undefined]);
        }
        expect(fs.readFileSync(path, "utf8")).toBe("onetwo");
      });

      it("opens, reads and closes", async () => {
        const path = dir().file("content");
        const buffer = Buffer.alloc(7);
        const results = await ours().chain().open(path).read(opened, buffer).close(opened).run();
        expect(results).toEqual([undefined, 7, undefined]);
        expect(buffer.toString()).toBe("content");
      });

      it("replaces a file in one step: a new one, renamed over it", async () => {
        const path = dir().file("old");
        await ours()
          .chain()
          .writeFile(`${path}.new`, "new", { flush: true })
          .rename(`${path}.new`, path)
          .run();
        expect(fs.readFileSync(path, "utf8")).toBe("new");
        expect(fs.existsSync(`${path}.new`)).toBe(false);
      });
    });

    it("runs every operation as a step", async () => {
      const [path, made, link] = [dir().file("12345678"), dir().fresh(), dir().fresh()];
      const fd = descriptors.open(path, "r+");
      const views = [Buffer.alloc(3), Buffer.alloc(5)];
      const first = await ours()
        .chain()
        .nop()
        .readv(fd, views, 0)
        .writev(fd, views, 0)
        .ftruncate(fd, 6)
        .fallocate(fd, 0, 0, 100)
        .fadvise(fd, 0, 0, 0)
        .syncFileRange(fd, 0, 0)
        .fsync(fd)
        .stat(fd)
        .statx(path)
        .poll(fd, 1)
        .run();
      expect(first.slice(0, 8)).toEqual([undefined, 8, 8, ...Array(5).fill(undefined)]);
      expect(first[8].size).toBe(100);
      expect(first[9].size).toBe(100n);
      await ours()
        .chain()
        .mkdir(made)
        .rename(made, `${made}2`)
        .rmdir(`${made}2`)
        .symlink("x", link)
        .lstat(link)
        .unlink(link)
        .link(path, link)
        .unlink(link)
        .setxattr(path, "user.chain", "1")
        .run();
      expect((await ours().getxattr(path, "user.chain")).toString()).toBe("1");
    });

    it("splices between files of the chain and a pipe", async () => {
      const content = patternBytes(5000);
      const [from, to] = [dir().file(content), dir().fresh()];
      const fifo = makeFifo(dir().fresh());
      const results = await ours()
        .chain()
        .open(from)
        .open(to, "w")
        .splice(openedBy(0), 0, fifo.fd, null, 5000)
        .splice(fifo.fd, null, openedBy(1), 0, 5000)
        .run();
      expect(results).toEqual([undefined, undefined, 5000, 5000]);
      expect(fs.readFileSync(to).equals(content)).toBe(true);
      fifo.close();
    });

    describe("what a step opens", () => {
      it("is read from where the last step left it", async () => {
        const path = dir().file("abcdef");
        const [one, two, three] = [Buffer.alloc(2), Buffer.alloc(1), Buffer.alloc(3)];
        await ours()
          .chain()
          .open(path)
          .read(opened, one)
          .read(opened, two)
          .readv(opened, [three])
          .run();
        expect([one, two, three].map(String)).toEqual(["ab", "c", "def"]);
      });

      it("is appended to, with a", async () => {
        const path = dir().file("1");
        await ours()
          .chain()
          .open(path, "a")
          .write(opened, Buffer.from("2"))
          .write(opened, Buffer.from("3"))
          .run();
        expect(fs.readFileSync(path, "utf8")).toBe("123");
      });

      it("serves stat, too", async () => {
        const [, { size }] = await ours().chain().open(dir().file("1234")).stat(opened).run();
        expect(size).toBe(4);
      });

      it("may be told apart by its step", async () => {
        const [one, other] = [dir().file("one"), dir().file("other")];
        const [first, second] = [Buffer.alloc(3), Buffer.alloc(5)];
        await ours()
          .chain()
          .open(one)
          .openat2(other)
          .read(openedBy(0), first)
          .read(openedBy(1), second)
          .run();
        expect([first, second].map(String)).toEqual(["one", "other"]);
      });

      it("is closed with the chain, whatever becomes of it", async () => {
        const path = dir().file("x");
        const before = listDescriptors().sort();
        await ours().chain().open(path).run();
        await ours().chain().open(path).stat(opened).run();
        await brokenBy(ours().chain().open(path).read(opened, Buffer.alloc(2)).nop());
        await brokenBy(ours().chain().open(path).open(`${path}/below`).nop());
        await brokenBy(ours().chain().open(path).write(opened, Buffer.alloc(1)).close(opened));
        expect(countDescriptors(dir().path)).toBe(0);
        expect(listDescriptors().sort()).toEqual(before);
        fs.unlinkSync(path);
      });

      it("is gone after a close of the chain's", async () => {
        const path = dir().file("x");
        const chain = ours().chain().open(path).close(opened).read(opened, Buffer.alloc(1));
        const error = await brokenBy(chain);
        expect(error).toMatchObject({ code: "EBADF", step: 2, syscall: "read" });
      });

      it("never reaches beyond the ring's table: 3,000 files at a time", async () => {
        const path = dir().file("content");
        const buffers = Array.from({ length: 3000 }, () => Buffer.alloc(7));
        const chains = buffers.map((buffer) =>
          ours().chain().open(path).read(opened, buffer).run(),
        );
        await within(SOON_MS, "chains", Promise.all(chains));
        expect(buffers.every((buffer) => buffer.toString() === "content")).toBe(true);
        expect(countDescriptors(dir().path)).toBe(0);
      });
    });

    describe("a broken chain", () => {
      it("says which step it was, and what the others came to", async () => {
        const fd = descriptors.open(dir().file("1234"), "r+");
        const missing = dir().fresh();
        const error = await brokenBy(ours().chain().fsync(fd).unlink(missing).ftruncate(fd, 0));
        expect(error).toMatchObject({
          ...{ code: "ENOENT", errno: -2, syscall: "unlink", path: missing, step: 1 },
          message: `ENOENT: no such file or directory, unlink '${missing}' (step 1 of a chain of 3)`,
        });
        expect(error.results[0]).toBeUndefined();
        expect(error.results[1]).toBe(error.cause);
        expect(error.results[2]).toMatchObject({ code: "ECANCELED", syscall: "ftruncate" });
        expect(fs.fstatSync(fd).size).toBe(4);
      });

      it("breaks on a short transfer, and says how far that came", async () => {
        const [from, to] = [dir().file("12345"), dir().fresh()];
        const buffer = Buffer.alloc(8);
        const chain = ours()
          .chain()
          .read(descriptors.open(from), buffer, 0)
          .write(descriptors.open(to, "w"), buffer, 0);
        const error = await brokenBy(chain);
        expect(error).toMatchObject({ code: "ERR_RINGPOST_SHORT_TRANSFER", step: 0 });
        expect(error.results[0]).toBe(5);
        expect(codeOf(error.results[1])).toBe("ECANCELED");
        expect(fs.statSync(to).size).toBe(0);
      });

      it("is not broken by a short transfer at its end", async () => {
        const fd = descriptors.open(dir().file("12345"));
        expect(await ours().chain().nop().read(fd, Buffer.alloc(8), 0).run()).toEqual([
          undefined,
          5,
        ]);
      });

      it("goes on over a hard link", async () => {
        const path = dir().file("12345");
        const fd = descriptors.open(path);
        const short = await ours().chain().read(fd, Buffer.alloc(8), 0).hardLink().fsync(fd).run();
        expect(short).toEqual([5, undefined]);
        const failed = ours().chain().unlink(`${path}-`).hardLink().unlink(path);
        expect(await brokenBy(failed)).toMatchObject({ code: "ENOENT", step: 0 });
        expect(fs.existsSync(path)).toBe(false);
      });

      it("settles without an error, if asked to", async () => {
        const [path, missing] = [dir().file("x"), dir().fresh()];
        const good = await ours().chain().stat(path).unlink(path).settle();
        expect(good.brokenAt).toBeUndefined();
        const { results, brokenAt } = await ours().chain().nop().stat(missing).nop().settle();
        expect(brokenAt).toBe(1);
        expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
      });
    });

    describe("is refused", () => {
      it("empty, too long, or run twice", async () => {
        const range = `The value of "steps" is out of range. It must be >= 1 && <= ${CREDITS}, the client's credits.`;
        expect((await brokenBy(ours().chain())).message).toBe(`${range} Received 0`);
        const long = ours().chain();
        for (let step = 0; step <= CREDITS; step++) long.nop();
        expect(await brokenBy(long)).toMatchObject({
          ...{ code: "ERR_OUT_OF_RANGE", message: `${range} Received ${CREDITS + 1}` },
        });
        const chain = ours().chain().nop();
        await chain.run();
        expect(codeOf(await brokenBy(chain))).toBe("ERR_INVALID_STATE");
      });

      it("with a wrong argument: nothing of it runs", async () => {
        const path = dir().file("x");
        const wrong = [
          ours()
            .chain()
            .unlink(path)
            .read("1" as never, Buffer.alloc(1)),
          ours()
            .chain()
            .unlink(path)
            .read(0, [] as never),
          ours()
            .chain()
            .unlink(path)
            .open(1 as never),
          ours().chain().unlink(path).nop({ timeoutMs: 0 }),
          ours()
            .chain()
            .unlink(path)
            .mkdir(path, { recursive: true as never }),
          ours().chain().unlink(path).read(opened, Buffer.alloc(1)),
          ours().chain().unlink(path).read(openedBy(0), Buffer.alloc(1)),
          ours().chain().hardLink().unlink(path),
          ours()
            .chain({ signal: 1 as never })
            .unlink(path),
        ];
        const codes: unknown[] = [];
        for (const chain of wrong) codes.push(codeOf(await brokenBy(chain)));
        expect(codes).toEqual([
          "ERR_INVALID_ARG_TYPE",
          "ERR_INVALID_ARG_TYPE",
          "ERR_INVALID_ARG_TYPE",
          "ERR_OUT_OF_RANGE",
          "ERR_INVALID_ARG_VALUE",
          "ERR_INVALID_ARG_VALUE",
          "ERR_INVALID_ARG_VALUE",
          "ERR_INVALID_STATE",
          "ERR_INVALID_ARG_TYPE",
        ]);
        expect(fs.existsSync(path)).toBe(true);
      });

      it("with a path that can't be: the step says so, the others ECANCELED", async () => {
        const path = dir().file("x");
        const error = await brokenBy(ours().chain().unlink(path).stat(""));
        expect(error).toMatchObject({ code: "ENOENT", step: 1 });
        expect(error.results.map(codeOf)).toEqual(["ECANCELED", "ENOENT"]);
        expect(fs.existsSync(path)).toBe(true);
      });
    });
  },
  { credits: CREDITS },
);
