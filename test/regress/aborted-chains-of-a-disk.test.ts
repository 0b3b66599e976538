/**
 * A read that is with its device can't be cancelled, and ends by itself. Of a file that a chain has opened the engine didn't know that:
 * it repeated the cancellations until the device had answered, thousands of them.
 */
import fs from "node:fs";
import { opened } from "ringpost";
import { expect, it } from "vitest";
import { useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";
import { withEngine } from "../support/with-engine.js";

const CHAINS = 32;
const BYTES = 1 << 20;

const dir = useTempDir();
const descriptors = useDescriptors();

it("cancels each step once", async (context) => {
  const path = dir().file(Buffer.alloc(4 * BYTES));
  const flags = fs.constants.O_RDONLY | fs.constants.O_DIRECT;
  await withEngine({}, async (engine) => {
    const { client } = engine;
    descriptors.openDirect(context, engine, path, flags); // or there is nothing to see
    const leases = Array.from({ length: CHAINS }, () => client.lease(BYTES));
    for (let round = 1; round <= 10; round++) {
      const abort = new AbortController();
      const chains = leases.map(({ buffer }, nth) => {
        const position = (nth % 4) * BYTES;
        const steps = client.chain({ signal: abort.signal }).open(path, flags);
        return steps.read(opened, buffer, { position }).run();
      });
      const all = Promise.allSettled(chains);
      await client.nop(); // the reads have begun
      abort.abort();
      await all;
      expect(engine.stats().cancels).toBeLessThanOrEqual(round * CHAINS * 2);
    }
  });
});
