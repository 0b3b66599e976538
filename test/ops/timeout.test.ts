/** `timeoutMs`: an operation that takes longer rejects with ETIMEDOUT, wherever it is by then. */
import fs from "node:fs";
import { performance } from "node:perf_hooks";
import { connect } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { patternBytes } from "../support/fenced-views.js";
import { makeFifo, makeFifoPath } from "../support/fifos.js";
import { countDescriptors, useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const descriptors = useDescriptors();

const TIMED_OUT = { code: "ETIMEDOUT", errno: -110 };

describeOnEngineSetups((running) => {
  it("ends a read that waits, when its time is over and not before", async () => {
    const fifo = makeFifo(dir().fresh());
    const before = performance.now();
    const failure = failureOf(() =>
      running.client.read(fifo.fd, Buffer.alloc(4), { timeoutMs: 30 }),
    );
    expect(await within(SOON_MS, "read", failure)).toEqual({
      ...TIMED_OUT,
      ...{ class: "Error", name: "Error", syscall: "read", path: undefined, dest: undefined },
      message: "ETIMEDOUT: operation timed out, read",
    });
    expect(performance.now() - before).toBeGreaterThanOrEqual(30);
    fs.writeSync(fifo.fd, "late");
    expect(await running.client.read(fifo.fd, Buffer.alloc(8))).toBe(4); // it took nothing
    fifo.close();
  });

  it("leaves what ends in time alone", async () => {
    const content = patternBytes(300_000);
    const path = dir().file(content);
    const fd = descriptors.open(path, "r+");
    const inTime = { timeoutMs: 60_000 };
    for (let round = 0; round < 20; round++) {
      const results = Promise.all([
        running.client.nop(inTime),
        running.client.read(fd, Buffer.alloc(4096), { position: 0, ...inTime }),
        running.client.fsync(fd, inTime),
        running.client.readFile(path, inTime),
        running.client.stat(path, inTime),
        running.client.writeFile(dir().fresh(), content, inTime),
      ]);
      const [, bytes, , whole, { size }] = await within(SOON_MS, "all", results);
      expect([bytes, size]).toEqual([4096, content.length]);
      expect(whole.equals(content)).toBe(true);
    }
  });

  it("takes the time in the line for a slot into account", async () => {
    const other = await connect(running.engine.handle());
    const fifo = makeFifo(dir().fresh());
    const reads = Array.from({ length: 256 }, () => other.read(fifo.fd, Buffer.alloc(1)));
    const failure = failureOf(() => other.stat("/", { timeoutMs: 20 }));
    expect(await within(SOON_MS, "stat", failure)).toMatchObject({ ...TIMED_OUT, path: "/" });
    fs.writeSync(fifo.fd, Buffer.alloc(256));
    await within(SOON_MS, "reads", Promise.all(reads));
    await other.close();
    fifo.close();
  });

  it("ends an open, and a whole-file read, that wait for the other end", async () => {
    const [one, two, three] = [1, 2, 3].map(() => makeFifoPath(dir().fresh())) as [
      string,
      string,
      string,
    ];
    const before = countDescriptors(dir().path);
    const late = { timeoutMs: 20 };
    const failures = [
      failureOf(() => running.client.open(one, "w", 0o666, late)),
      failureOf(() => running.client.readFile(two, late)),
      failureOf(() => running.client.writeFile(three, "x", late)),
    ];
    for (const failure of await within(SOON_MS, "all", Promise.all(failures))) {
      expect(failure).toMatchObject(TIMED_OUT);
    }
    expect(countDescriptors(dir().path)).toBe(before);
  });

  it("is one time for all requests of a call", async () => {
    const big = dir().fresh();
    fs.ftruncateSync(descriptors.open(big, "w"), 200 << 20);
    const failure = failureOf(() => running.client.readFile(big, { timeoutMs: 1 }));
    expect(await within(SOON_MS, "readFile", failure)).toMatchObject(TIMED_OUT);
  });

  it("ends many at once", async () => {
    const fifo = makeFifo(dir().fresh());
    const failures = Array.from({ length: 500 }, (_, nth) =>
      failureOf(() => running.client.read(fifo.fd, Buffer.alloc(1), { timeoutMs: 1 + (nth % 40) })),
    );
    for (const failure of await within(SOON_MS, "all", Promise.all(failures))) {
      expect(failure).toMatchObject(TIMED_OUT);
    }
    fifo.close();
  });
});
