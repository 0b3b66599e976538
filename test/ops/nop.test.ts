import { expect, it } from "vitest";
import { describeOnEngineSetups } from "../support/engine-setups.js";

describeOnEngineSetups((running) => {
  it("resolves to nothing", async () => {
    expect(await running.client.nop()).toBeUndefined();
  });

  it("travels the whole way", async () => {
    const before = running.engine.stats();
    await running.client.nop();
    const after = running.engine.stats();
    expect(after.submitted - before.submitted).toBe(1);
    expect(after.clients[0]!.replied - (before.clients[0]?.replied ?? 0)).toBe(1);
  });

  it("settles each of very many", async () => {
    const results = await Promise.all(Array.from({ length: 3000 }, () => running.client.nop()));
    expect(results).toHaveLength(3000);
    expect(results.every((result) => result === undefined)).toBe(true);
  });

  it("takes one after the other", async () => {
    for (let nth = 0; nth < 200; nth++) await running.client.nop();
    expect(running.engine.stats().clients[0]!.refused).toBe(0);
  });
});
