import type { NativeClient } from "@ringpost/native";
import { MAX_SLABS } from "@ringpost/protocol";
import { expect, it } from "vitest";
import { Slabs } from "./slabs.js";

const GIB = 2 ** 30;

/** Slabs of a client whose memory begins at a page, and what they pin and register: bytes, in order. */
function track() {
  const pinned: number[] = [];
  const registered: number[] = [];
  const native = {
    pageOffsetOf: () => 0,
    pinSlab: (_slab: number, _generation: number, view: { byteLength: number }) =>
      pinned.push(view.byteLength) > 0,
  };
  const slabs = new Slabs(native as unknown as NativeClient, (_slab, bytes) =>
    registered.push(bytes),
  );
  return { slabs, pinned, registered };
}

it("a slab that the kernel would refuse is not made: what is leased is plain memory", () => {
  const { slabs, pinned, registered } = track();
  expect(slabs.lend(GIB).buffer.length).toBe(GIB);
  expect(pinned).toEqual([GIB]);
  expect(slabs.lend(GIB + 1).buffer.length).toBe(GIB + 1);
  expect(pinned).toEqual([GIB]);
  expect(registered).toEqual([GIB]);
});

it("there are so many slabs, and each is huge pages, however small the leases", () => {
  const { slabs, registered } = track();
  for (let nth = 0; nth < 512 * MAX_SLABS + 1; nth++) slabs.lend(4096);
  expect(registered).toEqual(new Array(MAX_SLABS).fill(2 * 2 ** 20));
});
