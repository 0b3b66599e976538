/** Requests that waited for a slot behind one that was cancelled went on to wait, for a reply that might never come. */
import type { RequestOptions } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";

const CREDITS = 4;

describe("a request behind a chain that waits for more slots than there are", () => {
  const running = useEngine({ credits: CREDITS });

  /** How the chain, of as many steps as there are slots, ends; one of the slots is taken. */
  async function endOfChain(options: RequestOptions): Promise<unknown> {
    const { client } = running;
    const [readFd, writeFd] = await client.pipe();
    const reading = client.read(readFd, Buffer.alloc(1));
    const chain = failureOf(() => client.chain(options).nop().nop().nop().nop().run());
    const behind = client.nop();
    try {
      await within(SOON_MS, "the request behind the chain", behind);
      return (await chain).code;
    } finally {
      await client.write(writeFd, Buffer.alloc(1));
      await Promise.all([reading, client.close(readFd), client.close(writeFd)]);
    }
  }

  it("goes on when the chain is aborted", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 5);
    expect(await endOfChain({ signal: stop.signal })).toBe("ABORT_ERR");
  });

  it("goes on when the chain's time is over", async () => {
    expect(await endOfChain({ timeoutMs: 5 })).toBe("ETIMEDOUT");
  });
});
