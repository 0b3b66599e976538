/** An abort cancelled somebody else's request: what a subscriber posted as others were cancelled had their records by then. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Engine, type RequestEvent } from "ringpost";
import { expect, it } from "vitest";
import { failureOf } from "../support/failures.js";

it("an abort leaves alone what is posted meanwhile", async () => {
  await using engine = await Engine.start({ credits: 4 });
  const { client } = engine;
  const held = Array.from({ length: 4 }, () => client.timeout(200));
  const stop = new AbortController();
  const others: Promise<void>[] = [];
  const onReply = (event: unknown): void => {
    // As long as the chain's steps are told of, of which each leaves its record to the next one who asks.
    if ((event as RequestEvent).operation === "nop") others.push(client.timeout(5));
  };
  subscribe("ringpost:reply", onReply);
  try {
    const chain = client.chain({ signal: stop.signal }).nop().nop().nop().nop();
    const failure = failureOf(() => chain.run());
    stop.abort();
    expect(await failure).toMatchObject({ name: "AbortError" });
    expect(others).toHaveLength(4);
    await Promise.all([...held, ...others]);
  } finally {
    unsubscribe("ringpost:reply", onReply);
  }
});
