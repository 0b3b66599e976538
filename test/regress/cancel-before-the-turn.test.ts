/** A cancellation by descriptor met only requests that had begun; one that waited for a drain, or for a chain's steps, began after it. */
import { setTimeout } from "node:timers/promises";
import { opened } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();

const soon = <T>(what: string, promise: Promise<T>): Promise<T> => within(SOON_MS, what, promise);

const CREDITS = 4;

describeOnEngineSetups(
  (running) => {
    it("cancel(fd) meets what waits for a drain", async () => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      const drain = client.chain({ drain: true }).timeout(300).run();
      const reading = failureOf(() => client.read(readFd, Buffer.alloc(1)));
      client.cancel(readFd);
      expect((await soon("the read", reading)).code).toBe("ECANCELED");
      await soon("the drain", drain);
      await Promise.all([client.close(readFd), client.close(writeFd)]);
    });

    it("cancel(fd) meets a step that has not begun", async () => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      const chain = client.chain().timeout(50).read(readFd, Buffer.alloc(1)).settle();
      await client.nop();
      client.cancel(readFd);
      const { results, brokenAt } = await soon("the chain", chain);
      expect(brokenAt).toBe(1);
      expect(results).toMatchObject([{ status: "fulfilled" }, { reason: { code: "ECANCELED" } }]);
      await Promise.all([client.close(readFd), client.close(writeFd)]);
    });

    it("cancel(fd) meets a step that takes from a pipe into what its chain has opened", async () => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      const chain = client
        .chain()
        .open(dir().fresh(), "w")
        .splice(readFd, null, opened, 0, 4)
        .settle();
      await setTimeout(50);
      client.cancel(readFd);
      const { results } = await soon("the chain", chain);
      expect(results[1]).toMatchObject({ reason: { code: "ECANCELED" } });
      await Promise.all([client.close(readFd), client.close(writeFd)]);
    });

    it("the rest of a chain, linked hard, keeps its place behind what it waits for", async () => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      const ended: string[] = [];
      const slow = client.timeout(200).then(() => ended.push("before it"));
      const chain = client
        .chain({ drain: true })
        .read(readFd, Buffer.alloc(1))
        .hardLink()
        .nop()
        .settle()
        .then(({ results }) => {
          ended.push("the chain");
          return results;
        });
      client.cancel(readFd);
      const results = await soon("the chain", chain);
      expect(results).toMatchObject([{ reason: { code: "ECANCELED" } }, { status: "fulfilled" }]);
      await slow;
      expect(ended).toEqual(["before it", "the chain"]);
      await Promise.all([client.close(readFd), client.close(writeFd)]);
    });

    it("cancel(0) leaves what uses no descriptor", async () => {
      const { client } = running;
      const drain = client.chain({ drain: true }).timeout(50).run();
      const nop = client.nop();
      client.cancel(0);
      await soon("the nop", Promise.all([nop, drain]));
    });

    it("cancel(fd) leaves a close that waits for a drain", async () => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      const drain = client.chain({ drain: true }).timeout(50).run();
      const closing = client.close(readFd);
      await setTimeout(10);
      client.cancel(readFd);
      await soon("the close", Promise.all([drain, closing]));
      expect((await failureOf(() => client.close(readFd))).code).toBe("EBADF");
      await client.close(writeFd);
    });
  },
  { credits: CREDITS },
);
