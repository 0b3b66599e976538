/** A client that has lost its indexes can't be served any more: it is cut off, and nobody else notices. */
import { Mailbox } from "@ringpost/mailbox";
import { MailboxWord } from "@ringpost/protocol";
import { describe, expect, it } from "vitest";
import { connectSoon, onceThereIsASeat } from "../support/connecting.js";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { makeFifo } from "../support/fifos.js";
import { RawClient } from "../support/raw-client.js";
import { useTempDir } from "../support/temp-dir.js";

const CREDITS = 8;

describe("a client is cut off", () => {
  const dir = useTempDir();
  const running = useEngine({ credits: CREDITS, maxClients: 2 });

  /** What a wild store of some other thread might leave behind. */
  const wildStores: readonly (readonly [string, keyof typeof MailboxWord, number])[] = [
    ["a tail far ahead", "REQUEST_TAIL", 0x4000_0000],
    ["a tail behind the head", "REQUEST_TAIL", -1],
    ["a tail one too far", "REQUEST_TAIL", CREDITS + 1],
    ["a head of its replies far ahead", "REPLY_HEAD", 0x4000_0000],
    ["a head of its replies far behind", "REPLY_HEAD", -CREDITS - 1],
  ];

  it.each(wildStores)("for %s, and what it waited for rejects", async (_, word, by) => {
    const fifo = makeFifo(dir().fresh());
    const client = await connectSoon(running.engine);
    // The engine's own client has mailbox 0, so this one's is the only other.
    const { words, firstWord } = new Mailbox(running.engine.handle().memory, 1);
    const read = failureOf(() => client.read(fifo.fd, Buffer.alloc(8)));
    await client.nop();
    words[firstWord + MailboxWord[word]]! += by;
    // The engine looks at a tail when anybody has work, and at a head of replies when its client has.
    await running.client.nop();
    const nop = word === "REPLY_HEAD" ? failureOf(() => client.nop()) : undefined;

    // Cancelled by the engine, or given up by the client: whichever notice comes first.
    const { code } = await within(SOON_MS, "read", read);
    expect(["ECANCELED", "ERR_RINGPOST_CLOSED"]).toContain(code);
    const refused = { code: "ERR_RINGPOST_CLOSED", message: "The ringpost engine is closed" };
    if (nop !== undefined) expect(await within(SOON_MS, "nop", nop)).toMatchObject(refused);
    await expect
      .poll(() => failureOf(() => within(SOON_MS, "nop", client.nop())))
      .toMatchObject({
        code: "ERR_RINGPOST_CLOSED",
      });
    await within(SOON_MS, "disconnect", client.disconnect());

    await running.client.nop();
    const next = await connectSoon(running.engine);
    await within(SOON_MS, "the next client", next.nop());
    await next.disconnect();
    fifo.close();
  });

  it("as often as it likes, and its seat is free for the next one", async () => {
    for (let nth = 1; nth <= 50; nth++) {
      const raw = await onceThereIsASeat(() => new RawClient(running.engine.handle()));
      const { words, requests } = raw.mailbox;
      words[requests.tailWord] = (words[requests.tailWord]! + nth * 0x0123_4567) | 0;
      raw.wakeEngine();
      await running.client.nop();
      await expect.poll(() => raw.isOrphaned, { timeout: SOON_MS, interval: 1 }).toBe(true);
      raw.native.close();
    }
    const client = await connectSoon(running.engine);
    await client.nop();
    await client.disconnect();
  });
});
