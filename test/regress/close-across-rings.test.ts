/**
 * Between the word of a close to the other rings and the close itself, such a ring could take a read of the old file, which nobody
 * cancelled: it waited for ever, with the file kept open behind a number that meant another one.
 */
import { connect } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { withEngine } from "../support/with-engine.js";

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
