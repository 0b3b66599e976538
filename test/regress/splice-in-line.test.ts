/** A splice at a file's own offset went beside the transfers there: bytes were moved twice, and others were lost. */
import fs from "node:fs";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const descriptors = useDescriptors();

const CREDITS = 8;
const BLOCK_BYTES = 4096;

describeOnEngineSetups(
  (running) => {
    const soon = <T>(promise: Promise<T>): Promise<T> => within(SOON_MS, "all", promise);

    it("reads and splices at a time get bytes of their own, in order", async () => {
      const { client } = running;
      const fd = descriptors.open(dir().file("0123456789abcdefghij"));
      const [readFd, writeFd] = await client.pipe();
      const [first, second, spliced, rest] = [4, 4, 8, 8].map((bytes) => Buffer.alloc(bytes));
      await soon(
        Promise.all([
          client.read(fd, first!),
          client.splice(fd, null, writeFd, null, 4),
          client.read(fd, second!),
          client.splice(fd, null, writeFd, null, 4),
        ]),
      );
      expect(await client.read(readFd, spliced!)).toBe(8);
      expect(await client.read(fd, rest!)).toBe(4);
      expect([first, second, spliced].map(String)).toEqual(["0123", "89ab", "4567cdef"]);
      expect(rest!.toString("utf8", 0, 4)).toBe("ghij");
      await Promise.all([client.close(readFd), client.close(writeFd)]);
    });

    it("a splice goes on behind a read past the page cache", async (context) => {
      const { client } = running;
      const blocks = [1, 2, 3].map((fill) => Buffer.alloc(BLOCK_BYTES, fill));
      const path = dir().file(Buffer.concat(blocks));
      const fd = descriptors.openDirect(context, running.engine, path, fs.constants.O_RDONLY);
      const [readFd, writeFd] = await client.pipe();
      using lease = client.lease(BLOCK_BYTES);
      const buffer = Buffer.alloc(BLOCK_BYTES);
      const both = [client.read(fd, lease.buffer), client.splice(fd, null, writeFd, null, 4096)];
      expect(await soon(Promise.all(both))).toEqual([BLOCK_BYTES, BLOCK_BYTES]);
      await client.read(readFd, buffer);
      expect([lease.buffer[0], buffer[0]]).toEqual([1, 2]);
      expect(await client.read(fd, lease.buffer)).toBe(BLOCK_BYTES);
      expect(lease.buffer[0]).toBe(3);
      await Promise.all([client.close(readFd), client.close(writeFd)]);
    });

    it("a write waits for the splice before it, and overwrites nothing", async () => {
      const { client } = running;
      const path = dir().fresh();
      const fd = descriptors.open(path, "w");
      const [readFd, writeFd] = await client.pipe();
      const splice = client.splice(readFd, null, fd, null, 3);
      const write = client.write(fd, Buffer.from("def"));
      await client.nop(); // both have begun
      await client.write(writeFd, Buffer.from("abc"));
      expect(await soon(Promise.all([splice, write]))).toEqual([3, 3]);
      expect(fs.readFileSync(path, "utf8")).toBe("abcdef");
      await Promise.all([client.close(readFd), client.close(writeFd)]);
    });

    it("a close ends the splices before it, which may wait for ever, and no read", async () => {
      const { client } = running;
      const fd = fs.openSync(dir().file("content"), "r+");
      const [readFd, writeFd] = await client.pipe();
      const splice = () => client.splice(readFd, null, fd, null, 3).catch(({ code }) => code);
      const splices = [splice(), splice()];
      const read = client.read(fd, Buffer.alloc(7));
      await client.nop(); // they have begun
      await soon(client.close(fd));
      expect(await soon(Promise.all(splices))).toEqual(["ECANCELED", "ECANCELED"]);
      expect(await read).toBe(7);
      await Promise.all([client.close(readFd), client.close(writeFd)]);
    });
  },
  { credits: CREDITS },
);
