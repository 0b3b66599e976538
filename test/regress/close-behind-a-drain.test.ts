/** A close that was posted behind a drain waited for it, and the drain for what the close would have ended: nothing ever settled. */
import fs from "node:fs";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();

const CREDITS = 8;

const POLLIN = 1;

describeOnEngineSetups(
  (running) => {
    const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
      promise.catch(({ code }: NodeJS.ErrnoException) => code);

    it("a close ends a read that a drain before it waits for", async () => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      const read = codeOf(client.read(readFd, Buffer.alloc(1)));
      const drain = client.chain({ drain: true }).nop().run();
      const closing = client.close(readFd);
      await within(SOON_MS, "all", Promise.all([read, drain, closing, client.nop()]));
      expect(await read).toBe("ECANCELED");
      await client.close(writeFd);
    });

    it("a close ends a stream of events that a drain before it waits for", async () => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      const stream = client.pollEvents(readFd, POLLIN)[Symbol.asyncIterator]();
      const next = codeOf(stream.next());
      const drain = client.chain({ drain: true }).nop().run();
      const closing = client.close(readFd);
      await within(SOON_MS, "all", Promise.all([next, drain, closing]));
      expect(await next).toBe("ECANCELED");
      await client.close(writeFd);
    });

    it.each([
      ["once it has read what is there", "x", 1],
      ["once there is nothing to read", "", "ECANCELED"],
    ])("a close ends the chain that drains, %s", async (_, there, expected) => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      await client.write(writeFd, Buffer.from(there));
      const chain = client.chain({ drain: true }).nop().read(readFd, Buffer.alloc(1)).run();
      const read = codeOf(chain.then(([, bytes]) => bytes));
      await within(SOON_MS, "the close", client.close(readFd));
      expect(await read).toBe(expected);
      await client.close(writeFd);
    });

    it("a chain in line behind a drain ends what waits, and not its own steps", async () => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      const before = codeOf(client.read(readFd, Buffer.alloc(1)));
      const drain = client.chain({ drain: true }).nop().run();
      const chain = client.chain().read(readFd, Buffer.alloc(1)).close(readFd).run();
      expect(await within(SOON_MS, "the read", before)).toBe("ECANCELED");
      await within(SOON_MS, "the drain", drain);
      await setTimeout(20); // the chain's own read waits by now
      fs.writeSync(writeFd, "x");
      expect(await within(SOON_MS, "the chain", chain)).toEqual([1, undefined]);
      await client.close(writeFd);
    });

    it.each([false, true])(
      "a chain that drains and closes waits for what came before, aborted: %s",
      async (aborts) => {
        const { client } = running;
        const [readFd, writeFd] = await client.pipe();
        const before = client.read(readFd, Buffer.alloc(1));
        const stop = new AbortController();
        const folder = dir().fresh();
        const chain = client
          .chain({ drain: true, signal: stop.signal })
          .close(readFd)
          .mkdir(folder);
        const results = chain.settle();
        if (aborts) stop.abort();
        await setTimeout(20);
        expect(fs.existsSync(folder)).toBe(false);
        fs.writeSync(writeFd, "x");
        expect(await within(SOON_MS, "the read", before)).toBe(1);
        await within(SOON_MS, "the chain", results);
        expect(fs.existsSync(folder)).toBe(!aborts);
        await client.close(writeFd);
      },
    );
  },
  { credits: CREDITS },
);
