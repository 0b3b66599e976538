/** A close waited for a slot for ever, where all slots were taken by requests that waited on its descriptor. */
import { writeSync } from "node:fs";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";

const CREDITS = 2;

describeOnEngineSetups(
  (running) => {
    it("a close ends those that have the slots, and those that wait before it", async () => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      const reads = Array.from({ length: 3 * CREDITS + 1 }, () =>
        failureOf(() => client.read(readFd, Buffer.alloc(1))),
      );
      await within(SOON_MS, "the close", client.close(readFd));
      for (const { code } of await Promise.all(reads)) expect(code).toBe("ECANCELED");
      await client.close(writeFd);
    });

    it("so does one in a chain", async () => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      const reads = Array.from({ length: 3 * CREDITS + 1 }, () =>
        failureOf(() => client.read(readFd, Buffer.alloc(1))),
      );
      await within(SOON_MS, "the chain", client.chain().close(readFd).nop().run());
      for (const { code } of await Promise.all(reads)) expect(code).toBe("ECANCELED");
      await client.close(writeFd);
    });

    it("but none that has been taken out of the line", async () => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      const aborting = new AbortController();
      const busy = Array.from({ length: CREDITS }, () => client.read(readFd, Buffer.alloc(1)));
      const { signal } = aborting;
      const chain = failureOf(() => client.chain({ signal }).nop().close(writeFd).run());
      aborting.abort();
      expect((await chain).code).toBe("ABORT_ERR");
      writeSync(writeFd, "xx"); // it is open
      expect(await Promise.all(busy)).toEqual([1, 1]);
      for (const fd of [readFd, writeFd]) await client.close(fd);
    });

    it.each([
      ["once they have read what is there", "x", 1],
      ["once there is nothing to read", "", "ECANCELED"],
    ])("and those that have not begun, %s", async (_, there, expected) => {
      const { client } = running;
      const [readFd, writeFd] = await client.pipe();
      const [otherFd, otherEnd] = await client.pipe();
      await client.write(writeFd, Buffer.from(there));
      const drain = client.chain({ drain: true }).timeout(100).run();
      const held = client.read(readFd, Buffer.alloc(1)).catch(({ code }) => code);
      const behind = failureOf(() => client.read(otherFd, Buffer.alloc(1)));
      await within(SOON_MS, "the close", client.close(readFd));
      expect(await held).toBe(expected);
      await drain;
      client.cancel(otherFd);
      expect((await behind).code).toBe("ECANCELED");
      for (const fd of [writeFd, otherFd, otherEnd]) await client.close(fd);
    });

    it("which are files' transfers, if they are, and end as ever", async () => {
      const { client } = running;
      const fd = await client.open("/proc/self/exe");
      const reads = Array.from({ length: 3 * CREDITS }, () =>
        client.read(fd, Buffer.alloc(8), { position: 0 }),
      );
      await within(SOON_MS, "the close", client.close(fd));
      expect(await Promise.all(reads)).toEqual(reads.map(() => 8));
    });
  },
  { credits: CREDITS },
);
