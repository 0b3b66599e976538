/** timeout: a pause, alone and in a chain. */
import { performance } from "node:perf_hooks";
import type { Client } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";

describeOnEngineSetups((running) => {
  const ours = (): Client => running.client;

  it.each([0, 0.3, 1, 12.5])("resolves after %d ms, and not before", async (ms) => {
    const before = performance.now();
    expect(await within(SOON_MS, "timeout", ours().timeout(ms))).toBeUndefined();
    expect(performance.now() - before).toBeGreaterThanOrEqual(ms);
  });

  it("holds nobody up", async () => {
    const long = ours().timeout(60_000, { timeoutMs: 50 });
    const ended: number[] = [];
    const short = [8, 4, 1].map((ms) =>
      ours()
        .timeout(ms)
        .then(() => ended.push(ms)),
    );
    await within(SOON_MS, "timeouts", Promise.all(short));
    expect(ended).toHaveLength(3);
    expect((await failureOf(() => long)).code).toBe("ETIMEDOUT");
  });

  it("is a pause in a chain", async () => {
    const before = performance.now();
    const results = await within(SOON_MS, "chain", ours().chain().timeout(15).nop().run());
    expect(results).toEqual([undefined, undefined]);
    expect(performance.now() - before).toBeGreaterThanOrEqual(15);
    const late = ours().chain({ timeoutMs: 5 }).timeout(60_000).nop().settle();
    const { results: both, brokenAt } = await within(SOON_MS, "chain", late);
    expect(brokenAt).toBe(0);
    for (const result of both) expect(result.status).toBe("rejected");
  });

  it("takes any time up to centuries, and refuses what is none", async () => {
    const century = 100 * 365 * 86_400_000;
    const ages = failureOf(() => ours().timeout(century, { timeoutMs: 5 }));
    expect(await ages).toMatchObject({ code: "ETIMEDOUT", syscall: "timeout" });
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY, 1e15]) {
      expect((await failureOf(() => ours().timeout(ms))).code).toBe("ERR_OUT_OF_RANGE");
    }
    for (const ms of ["1", undefined, 1n]) {
      const failure = failureOf(() => ours().timeout(ms as never));
      expect((await failure).code).toBe("ERR_INVALID_ARG_TYPE");
    }
  });
});
