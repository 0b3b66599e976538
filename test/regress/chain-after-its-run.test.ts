/** A second run took the first one's promise away, which never settled; a step that came after the run was dropped, or ran alone. */
import fs from "node:fs";
import type { Chain } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";
import { useTempDir } from "../support/temp-dir.js";

const CREDITS = 4;
const running = useEngine({ credits: CREDITS });
const dir = useTempDir();

const runTwice = { code: "ERR_INVALID_STATE", message: "Invalid state: A chain runs once" };

describe("a second run is refused, and the first one settles", () => {
  it.each(["run", "settle"] as const)("%s", async (again) => {
    for (const first of ["run", "settle"] as const) {
      const chain = running.client.chain().nop();
      const settled: Promise<unknown> = chain[first]();
      await expect(chain[again]()).rejects.toMatchObject(runTwice);
      await within(SOON_MS, "the first run", settled);
      await expect(chain[again]()).rejects.toMatchObject(runTwice);
    }
  });
});

describe("once it runs, it takes nothing more", () => {
  const kept = (): string => dir().file("x");
  const additions: readonly [string, (chain: Chain, path: string) => unknown][] = [
    ["a step", (chain, path) => chain.unlink(path)],
    ["a wrong step", (chain) => chain.unlink(1 as never)],
    ["a link", (chain) => chain.link()],
    ["a hard link", (chain) => chain.hardLink()],
    ["a drain", (chain) => chain.drain()],
  ];

  it.each(additions)("%s", async (_what, add) => {
    const path = kept();
    const chain = running.client.chain();
    const settled = chain.nop().nop().run();
    expect(() => add(chain, path)).toThrow("A chain that runs takes no more steps");
    expect(await within(SOON_MS, "chain", settled)).toEqual([undefined, undefined]);
    expect(() => add(chain, path)).toThrow("A chain that runs takes no more steps");
    await expect(chain.run()).rejects.toMatchObject(runTwice);
    expect(fs.existsSync(path)).toBe(true);
  });

  it.each(additions)("%s, while it waits for slots", async (_what, add) => {
    const path = kept();
    const { client } = running;
    const before = Array.from({ length: CREDITS }, () => client.nop());
    const chain = client.chain();
    const settled = chain.nop().nop().run();
    expect(() => add(chain, path)).toThrow("A chain that runs takes no more steps");
    await within(SOON_MS, "those before", Promise.all(before));
    expect(await within(SOON_MS, "chain", settled)).toEqual([undefined, undefined]);
    expect(fs.existsSync(path)).toBe(true);
  });
});
