/** A close that waited for a slot was cancelled as other requests are, and its descriptor stayed open. */
import type { Client } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";

const CREDITS = 2;

describe("a close that waits for a slot is not cancelled", () => {
  const running = useEngine({ credits: CREDITS });

  it.each<[string, (client: Client, fd: number) => void]>([
    ["cancel(fd)", (client, fd) => client.cancel(fd)],
    ["cancelAll()", (client) => client.cancelAll()],
  ])("by %s", async (_, cancel) => {
    const { client } = running;
    const [readFd, writeFd] = await client.pipe();
    const reads = Array.from({ length: CREDITS }, () =>
      failureOf(() => client.read(readFd, Buffer.alloc(1))),
    );
    const waits = failureOf(() => client.poll(readFd, 1));
    const closing = client.close(readFd);
    cancel(client, readFd);
    await within(SOON_MS, "the close", closing);
    for (const { code } of await Promise.all([...reads, waits])) expect(code).toBe("ECANCELED");
    await client.close(writeFd);
  });

  it("by the end of its client", async () => {
    const { client } = running;
    const [readFd, writeFd] = await client.pipe();
    const reads = Array.from({ length: CREDITS }, () =>
      failureOf(() => client.read(readFd, Buffer.alloc(1))),
    );
    const closing = [client.close(readFd), client.close(writeFd)];
    await within(SOON_MS, "the end", client.disconnect({ graceMs: 1 }));
    await Promise.all(closing);
    for (const { code } of await Promise.all(reads)) expect(code).toBe("ECANCELED");
  });
});
