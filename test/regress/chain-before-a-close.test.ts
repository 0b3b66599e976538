/**
 * A chain that had waited for credits, with a close of its descriptor behind it, was torn apart: the entry that tells of the close came
 * between its steps, and those behind it ran though one before them had failed.
 */
import fs from "node:fs";
import { Engine } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { makeFifo } from "../support/fifos.js";
import { useTempDir } from "../support/temp-dir.js";

const CREDITS = 8;

const dir = useTempDir();

it.each([0, 1, 2, 3])("stays whole, with %d credits free before it", async (free) => {
  const engine = await Engine.start({ credits: CREDITS });
  const { client } = engine;
  const fifo = makeFifo(dir().fresh());
  const readOnly = fs.openSync(dir().file("x"), "r");
  const precious = dir().file("must stay");
  const reads = Array.from({ length: CREDITS - free }, () => client.read(fifo.fd, Buffer.alloc(1)));
  const steps = client.chain().write(readOnly, Buffer.from("y")).unlink(precious).nop();
  const chain = steps.fsync(readOnly).settle();
  const closed = client.close(readOnly);
  fs.writeSync(fifo.fd, "x".repeat(reads.length));
  const { results } = await within(SOON_MS, "the chain", chain);
  const codes = ["EBADF", "ECANCELED", "ECANCELED", "ECANCELED"];
  expect(results).toMatchObject(codes.map((code) => ({ reason: { code } })));
  expect(fs.existsSync(precious)).toBe(true);
  await within(SOON_MS, "the close", closed);
  await Promise.all(reads);
  await client.nop(); // nobody was cut off
  expect(engine.stats().refused).toBe(0);
  fifo.close();
  await engine.close();
});
