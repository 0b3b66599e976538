/** An engine that was closed refused the later requests of the whole-file operations of all clients but its own. */
import { connect, Engine } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();

it("a long readFile of any client ends while the engine closes", async () => {
  const path = dir().file(Buffer.alloc(3_000_000, "x"));
  for (let nth = 0; nth < 20; nth++) {
    const engine = await Engine.start();
    const client = await connect(engine.handle());
    const whole = client.readFile(path);
    await client.nop();
    const [bytes] = await within(SOON_MS, "both", Promise.all([whole, engine.close()]));
    expect(bytes).toHaveLength(3_000_000);
  }
});
