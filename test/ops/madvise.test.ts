/** madvise: memory of the program's own, of leases, and of others. */
import { MemoryAdvice, PAGE_BYTES } from "@ringpost/protocol";
import { type Client, connect, Engine } from "ringpost";
import { describe, expect, it } from "vitest";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { patternBytes } from "../support/fenced-views.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const { NORMAL, DONTNEED, FREE } = MemoryAdvice;
const losing = [DONTNEED, FREE];
const hints = Object.values(MemoryAdvice).filter(
  (advice) => advice !== DONTNEED && advice !== FREE,
);

const dir = useTempDir();
const descriptors = useDescriptors();

/** Of Node.js, whose types leave it to those of browsers. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
};

/** Begins with a page, as every memory of WebAssembly. */
const pages = (count: number): Uint8Array =>
  new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, count * PAGE_BYTES).fill(7);

describeOnEngineSetups((running) => {
  const ours = (): Client => running.client;

  it.each(hints)("takes the advice %d, and leaves the content", async (advice) => {
    const memory = pages(4);
    // What the kernel is built without (KSM, huge pages), or has no huge page for, it says so.
    const said = await ours()
      .madvise(memory, advice)
      .catch(({ code }) => code);
    expect([undefined, "EINVAL", "EAGAIN", "ENOMEM", "EBUSY"]).toContain(said);
    if (advice < MemoryAdvice.MERGEABLE) expect(said).toBeUndefined();
    expect(memory.every((byte) => byte === 7)).toBe(true);
  });

  it("gives pages back, and not a byte around them", async () => {
    const memory = pages(6);
    const view = memory.subarray(PAGE_BYTES, 4 * PAGE_BYTES);
    expect(await ours().madvise(view, DONTNEED)).toBeUndefined();
    expect(memory.findIndex((byte) => byte !== 7)).toBe(PAGE_BYTES);
    expect(memory.findLastIndex((byte) => byte !== 7)).toBe(4 * PAGE_BYTES - 1);
    expect(view.every((byte) => byte === 0)).toBe(true);
    view.fill(1);
    await ours().madvise(view, FREE);
    expect(view.every((byte) => byte === 0 || byte === 1)).toBe(true);
    view.fill(2);
    expect(view.every((byte) => byte === 2)).toBe(true);
    expect(await ours().madvise(memory.subarray(0, 0), DONTNEED)).toBeUndefined();
  });

  describe("of a lease", () => {
    it("gives hints", async () => {
      using lease = ours().lease(PAGE_BYTES);
      expect(await ours().madvise(lease.buffer, NORMAL)).toBeUndefined();
      expect(await ours().madvise(lease.buffer.subarray(0, 10), NORMAL)).toBeUndefined();
    });

    it.each(losing)("with the advice %d leaves it right for transfers", async (advice) => {
      const content = patternBytes(PAGE_BYTES);
      const fd = descriptors.open(dir().file(content));
      using lease = ours().lease(PAGE_BYTES);
      const other = await connect(running.engine.handle());
      await using stranger = await Engine.start();
      const views = [lease.buffer, new Uint8Array(lease.buffer.buffer, lease.buffer.byteOffset)];
      for (const client of [ours(), other, stranger.client]) {
        for (const view of views) {
          const whole = view.subarray(0, view.length - (view.length % PAGE_BYTES));
          const said = await client.madvise(whole, advice).catch(({ code }) => code);
          // Not registered where the limit of locked memory is too low, or the kernel too old.
          expect(said).toBeOneOf(
            running.engine.report.registeredBuffers ? ["EBUSY", undefined] : [undefined],
          );
          lease.buffer.fill(1);
          expect(await ours().read(fd, lease.buffer, 0)).toBe(PAGE_BYTES);
          expect(lease.buffer.equals(content)).toBe(true);
        }
      }
      await other.close();
    });
  });

  it("is a step of a chain", async () => {
    const memory = pages(1);
    expect(await ours().chain().madvise(memory, DONTNEED).nop().run()).toHaveLength(2);
    expect(memory[0]).toBe(0);
  });

  it("rejects with the kernel's error where the view begins within a page", async () => {
    const view = pages(2).subarray(1, PAGE_BYTES + 1);
    expect(await failureOf(() => ours().madvise(view, NORMAL))).toMatchObject({
      ...{ code: "EINVAL", syscall: "madvise", message: "EINVAL: invalid argument, madvise" },
    });
  });

  it("refuses advice that does harm, and such as would take bytes of others", async () => {
    const memory = pages(2);
    for (const advice of [5, 9, 10, 18, 24, 100, 101]) {
      const failure = await failureOf(() => ours().madvise(memory, advice));
      expect(failure.code).toBe("ERR_INVALID_ARG_VALUE");
    }
    for (const advice of losing) {
      const failure = await failureOf(() => ours().madvise(memory.subarray(0, 5000), advice));
      expect(failure.code).toBe("ERR_INVALID_ARG_VALUE");
    }
    for (const [view, advice, code] of [
      ["memory", 0, "ERR_INVALID_ARG_TYPE"],
      [memory, "0", "ERR_INVALID_ARG_TYPE"],
      [memory, 1.5, "ERR_OUT_OF_RANGE"],
      [memory, -1, "ERR_OUT_OF_RANGE"],
    ]) {
      const failure = await failureOf(() => ours().madvise(view as never, advice as never));
      expect(failure.code).toBe(code);
    }
    expect(memory.every((byte) => byte === 7)).toBe(true);
  });
});
