/** The modes of the ring, each an option of `Engine.start`: what the kernel was asked for, and what it grants. */
import { Engine } from "ringpost";
import { describe, expect, it } from "vitest";
import { SetupFlag } from "../support/engine-setups.js";

describe("completionEntries", () => {
  it("are what the kernel keeps room for, rounded up to a power of two", async () => {
    await using engine = await Engine.start({ maxClients: 4, credits: 16, completionEntries: 700 });
    expect(engine.report.completionEntries).toBe(1024);
    await using smallest = await Engine.start({ maxClients: 1, credits: 2, entries: 1 });
    expect(smallest.report.completionEntries).toBe(16);
  });
});

describe("deferTaskrun", () => {
  it("is on where the kernel has it, and can be left out", async () => {
    await using usual = await Engine.start();
    await using without = await Engine.start({ deferTaskrun: false });
    expect(without.report.setupFlags & SetupFlag.DEFER_TASKRUN).toBe(0);
    expect(without.report.setupFlags | SetupFlag.DEFER_TASKRUN).toBe(
      usual.report.setupFlags | SetupFlag.DEFER_TASKRUN,
    );
    await without.client.nop();
  });
});
