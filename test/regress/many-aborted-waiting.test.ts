/** Requests that waited for a slot left their line at the cost of all that waited with them: 20 s for 200,000 that an abort took out. */
import { setTimeout } from "node:timers/promises";
import { Engine } from "ringpost";
import { afterEach, beforeEach, expect, it } from "vitest";

const COUNT = 200_000;

// Else most of the time goes into where the errors were made.
const { stackTraceLimit } = Error;
beforeEach(() => {
  Error.stackTraceLimit = 0;
});
afterEach(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

it("an abort takes out very many that wait at once", async () => {
  await using engine = await Engine.start({ queueLimit: COUNT });
  const stop = new AbortController();
  const { signal } = stop;
  let aborted = 0;
  const onAbort = (): void => void aborted++;
  const post = (): Promise<void>[] =>
    Array.from({ length: COUNT / 2 }, () =>
      engine.client.timeout(600_000, { signal }).catch(onAbort),
    );
  const waiting = post();
  await setTimeout(1);
  waiting.push(...post()); // behind those who have been in the line for a while
  const start = performance.now();
  stop.abort();
  expect(performance.now() - start).toBeLessThan(7000);
  await Promise.all(waiting);
  expect(aborted).toBe(COUNT);
});
