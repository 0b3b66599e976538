/** An engine closed again before its own client was, with a shorter grace, waited for the longer one of the first close. */
import { connect, Engine } from "ringpost";
import { expect, it } from "vitest";
import { within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";

it("a second close shortens the grace, however soon it comes", async () => {
  const engine = await Engine.start();
  const other = await connect(engine.handle());
  const [reading] = await other.pipe();
  const read = failureOf(() => other.read(reading, Buffer.alloc(8)));
  await other.nop(); // the engine has the read
  const closed = engine.close({ graceMs: 60_000 });
  expect(engine.close({ graceMs: 10 })).toBe(closed);
  await within(10_000, "the close", closed);
  expect(await read).toMatchObject({ code: "ECANCELED" });
});
