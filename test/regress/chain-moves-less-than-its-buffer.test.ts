/** A step of more than a transfer can move counted as done with less: what came after it ran, as if all were written. */
import fs from "node:fs";
import { MAX_TRANSFER_BYTES } from "@ringpost/protocol";
import { expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

const running = useEngine();
const dir = useTempDir();

it("a step that no transfer can do whole is refused, and nothing of its chain runs", async () => {
  const path = dir().file("x");
  const long = new Uint8Array(MAX_TRANSFER_BYTES + 1); // address space: nobody touches it
  for (const method of ["read", "write"] as const) {
    const chain = running.client.chain().unlink(path)[method](0, long, 0).nop();
    expect(await failureOf(() => chain.run())).toMatchObject({
      code: "ERR_OUT_OF_RANGE",
      message: `The value of "length" is out of range. It must be <= ${MAX_TRANSFER_BYTES}. Received ${long.length}`,
    });
  }
  expect(fs.existsSync(path)).toBe(true);
});
