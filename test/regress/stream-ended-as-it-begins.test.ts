/** A stream that a subscriber ended as its request was posted went on: neither its end nor its events ever came. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Engine, type RequestEvent } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";

const POLLIN = 1;
const over = { done: true, value: undefined };

it.each([256, 2])("ends, with a client of %d credits", async (credits) => {
  await using engine = await Engine.start({ credits });
  const { client } = engine;
  const [reading, writing] = await client.pipe();
  const stop = new AbortController();
  const held = Promise.allSettled(
    Array.from({ length: 2 }, () => client.timeout(60_000, { signal: stop.signal })),
  );
  const stream = client.pollEvents(reading, POLLIN);
  const ends: Promise<unknown>[] = [];
  const onRequest = (event: unknown): void => {
    if ((event as RequestEvent).operation === "pollEvents") ends.push(stream.return());
  };
  subscribe("ringpost:request", onRequest);
  try {
    const next = stream.next();
    expect(ends).toHaveLength(1);
    expect(await within(SOON_MS, "the end", Promise.all([next, ...ends]))).toEqual([over, over]);
  } finally {
    unsubscribe("ringpost:request", onRequest);
  }
  stop.abort();
  await held;
  await Promise.all([client.close(reading), client.close(writing)]);
});
