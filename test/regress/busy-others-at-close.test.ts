/** Each request that another client posted to a closing engine counted as progress, and began its grace anew. */
import { closeSync } from "node:fs";
import { connect, Engine } from "ringpost";
import { expect, it } from "vitest";
import { within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";

it("an engine closes while another client goes on posting", async () => {
  const engine = await Engine.start();
  const other = await connect(engine.handle());
  const [readFd, writeFd] = await other.pipe();
  const reading = failureOf(() => other.read(readFd, Buffer.alloc(1)));
  await other.nop();
  const posted: Promise<unknown>[] = [];
  // Often enough for the grace never to end, and so seldom that the slots last longer than the deadline.
  const posting = setInterval(() => posted.push(failureOf(() => other.nop())), 50);
  try {
    await within(8_000, "the close", engine.close({ graceMs: 500 }));
  } finally {
    clearInterval(posting);
  }
  expect((await reading).code).toBe("ECANCELED");
  for (const fd of [readFd, writeFd]) closeSync(fd);
});
