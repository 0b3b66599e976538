import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PendingRequest } from "./pending-request.js";
import { WaitingLine } from "./waiting-line.js";

const request = (fd: number): PendingRequest => Object.assign(new PendingRequest(), { fd });

/** Whether a promise has settled by the time that all microtasks are done. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe("a waiting line", () => {
  it("is first in, first out, up to its limit", () => {
    const line = new WaitingLine(3);
    expect(line.isEmpty).toBe(true);
    expect(line.leave()).toBeUndefined();
    expect([1, 2, 3, 4].map((fd) => line.join(request(fd)))).toEqual([true, true, true, false]);
    expect(line.length).toBe(3);
    expect(line.leave()?.fd).toBe(1);
    expect(line.join(request(5))).toBe(true);
    expect([line.leave()?.fd, line.leave()?.fd, line.leave()?.fd]).toEqual([2, 3, 5]);
    expect(line.isEmpty).toBe(true);
  });

  it("of limit 0 takes nobody", () => {
    const line = new WaitingLine(0);
    expect(line.join(request(1))).toBe(false);
    expect(line.isEmpty).toBe(true);
  });

  it("tells everybody who asks when it is empty", async () => {
    const line = new WaitingLine(10);
    expect(await isSettled(line.emptied())).toBe(true);
    line.join(request(1));
    line.join(request(2));
    const asked = [line.emptied(), line.emptied()];
    line.leave();
    expect(await isSettled(asked[0]!)).toBe(false);
    line.leave();
    expect(await isSettled(Promise.all(asked))).toBe(true);
    line.join(request(3));
    const later = line.emptied();
    expect(await isSettled(later)).toBe(false);
    expect(line.evict().map(({ fd }) => fd)).toEqual([3]);
    expect(await isSettled(later)).toBe(true);
  });

  it("is a queue, whatever happens to it", () => {
    const steps = fc.array(
      fc.constantFrom("join", "join", "join", "goAhead", "leave", "remove", "removeAll", "evict"),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), steps, (limit, does) => {
        const line = new WaitingLine(limit);
        const model: number[] = [];
        const requests: PendingRequest[] = [];
        let next = 0;
        for (const step of does) {
          if (step === "join") {
            const fits = model.length < limit;
            requests.push(request(next));
            expect(line.join(requests[next]!)).toBe(fits);
            if (fits) model.push(next);
            next++;
          } else if (step === "goAhead") {
            requests.push(request(next));
            line.goAhead(requests[next]!);
            model.unshift(next++);
          } else if (step === "leave") {
            expect(line.first()?.fd).toBe(model[0]);
            expect(line.leave()?.fd).toBe(model.shift());
          } else if (step === "remove" && next > 0) {
            // Now and then one that waits no longer, or never did.
            const fd = (next * 7 + model.length) % next;
            const at = model.indexOf(fd);
            expect(line.remove(requests[fd]!)).toBe(at >= 0);
            if (at >= 0) model.splice(at, 1);
          } else if (step === "removeAll" && next % 5 === 0) {
            const removed = model.filter((fd) => fd % 3 === 0);
            expect(line.removeAll(({ fd }) => fd % 3 === 0).map(({ fd }) => fd)).toEqual(removed);
            model.splice(0, model.length, ...model.filter((fd) => fd % 3 !== 0));
          } else if (step === "evict" && next % 7 === 0) {
            // Seldom, or the line would never be long.
            expect(line.evict().map(({ fd }) => fd)).toEqual(model.splice(0));
          }
          expect(line.length).toBe(model.length);
          expect(line.isEmpty).toBe(model.length === 0);
        }
        expect(line.evict().map(({ fd }) => fd)).toEqual(model);
      }),
      process.env.RINGPOST_SEED === undefined ? {} : { seed: Number(process.env.RINGPOST_SEED) },
    );
  });
});
