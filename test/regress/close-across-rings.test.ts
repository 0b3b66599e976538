/**
 * Between the word of a close to the other rings and the close itself, such a ring could take a read of the old file, which nobody
 * cancelled: it waited for ever, with the file kept open behind a number that meant another one.
 */
import fs from "node:fs";
import { connect } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useTempDir } from "../support/temp-dir.js";
import { withEngine } from "../support/with-engine.js";

const dir = useTempDir();

it("a read through one ring ends with the close through another, however close together they are", () =>
  withEngine({ rings: 2 }, async (engine) => {
    const [one, other] = [engine.client, await connect(engine.handle())];
    for (let nth = 0; nth < 500; nth++) {
      const [from, to] = await one.pipe();
      const read = other
        .read(from, Buffer.alloc(1))
        .catch((error: NodeJS.ErrnoException) => error.code);
      if (nth % 2 === 0) other.submit();
      await within(SOON_MS, "the close", one.close(from));
      expect(["EBADF", "ECANCELED"]).toContain(await within(SOON_MS, "the read", read));
      await one.close(to);
    }
  }));

it("who has the number of a closed descriptor anew keeps its reads, however long the other ring was at it", () =>
  withEngine({ rings: 2 }, async (engine) => {
    const [one, other] = [engine.client, await connect(engine.handle())];
    const big = await one.open(dir().file(Buffer.alloc(1 << 20)));
    const buffers = Array.from({ length: 24 }, () => Buffer.alloc(1 << 20));
    for (let nth = 0; nth < 60; nth++) {
      const [from, to] = await one.pipe();
      const closed = one.close(from);
      const reads = buffers.map((buffer) => one.read(big, buffer, { position: 0 }));
      one.submit();
      const [newFrom, newTo] = await other.pipe();
      const read = other.read(newFrom, Buffer.alloc(1));
      other.submit();
      await within(SOON_MS, "the close", Promise.all([closed, ...reads]));
      fs.writeSync(newTo, "x");
      expect(await within(SOON_MS, "the read", read)).toBe(1);
      await Promise.all([other.close(newFrom), other.close(newTo), one.close(to)]);
    }
    await one.close(big);
  }));
