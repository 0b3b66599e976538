/** An abort of a request whose reply was just being told, with its slot another's already, cancelled that one, which nobody had aborted. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { expect, it } from "vitest";
import { withEngine } from "../support/with-engine.js";

it("reaches no other request", () =>
  withEngine({}, async ({ client }) => {
    const abort = new AbortController();
    const [readFd, writeFd] = await client.pipe();
    let read: Promise<number> | undefined;
    const onReply = (): void => {
      unsubscribe("ringpost:reply", onReply);
      read = client.read(readFd, Buffer.alloc(1)); // in the slot that has just become free
      abort.abort();
    };
    subscribe("ringpost:reply", onReply);
    await client.nop({ signal: abort.signal });
    await client.nop(); // a cancellation would have come by now
    await client.write(writeFd, Buffer.from("x"));
    expect(await read).toBe(1);
    for (const fd of [readFd, writeFd]) await client.close(fd);
  }));
