/**
 * A client that was closed while nothing of it was in flight was shut at once: between two requests of one operation, which then
 * failed; and, by a subscriber, while its replies were being settled, so that it wrote into the mailbox of whoever came next.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { join } from "node:path";
import { type Client, connect } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useTempDir } from "../support/temp-dir.js";
import { withEngine } from "../support/with-engine.js";

const dir = useTempDir();

const TRIES = 40;

it.each([
  [
    "a recursive mkdir",
    (client: Client) => client.mkdir(join(dir().fresh(), "a/b/c"), { recursive: true }),
  ],
  ["a long readFile", (client: Client) => client.readFile(dir().file(Buffer.alloc(300_000, "x")))],
])("%s ends when its client is disconnected between its requests", async (_, operate) => {
  await withEngine({}, async (engine) => {
    for (let nth = 0; nth < TRIES; nth++) {
      const client = await connect(engine.handle());
      const work = operate(client);
      for (let nops = nth % 8; nops > 0; nops--) await client.nop();
      const [outcome] = await within(
        SOON_MS,
        "the operation and the close",
        Promise.allSettled([work, client.disconnect()]),
      );
      expect(outcome).toMatchObject({ status: "fulfilled" });
    }
  });
});

it("a client that its subscriber closes keeps its seat until its replies are settled", async () => {
  await withEngine({ maxClients: 2 }, async (engine) => {
    const handle = engine.handle();
    const leaving = await connect(handle);
    const newcomers: Promise<unknown>[] = [];
    const close = (): void => {
      unsubscribe("ringpost:reply", close);
      void leaving.disconnect();
      // Long enough for the engine to give the seat to somebody else.
      for (const end = performance.now() + 20; performance.now() < end; )
        newcomers.push(connect(handle).then((client) => client.nop()));
    };
    subscribe("ringpost:reply", close);
    await within(SOON_MS, "the last request", leaving.nop());
    const outcomes = await within(SOON_MS, "the newcomers", Promise.allSettled(newcomers));
    const codes = outcomes.map((one) => (one.status === "rejected" ? one.reason.code : "done"));
    expect(new Set(codes)).toEqual(new Set(["EAGAIN"])); // no seat is free yet
    await within(SOON_MS, "the close", leaving.disconnect());
  });
});
