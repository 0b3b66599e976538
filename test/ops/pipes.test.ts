/** splice, tee and poll: what happens between pipes, and at them. */
import fs from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { Client } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { patternBytes } from "../support/fenced-views.js";
import { type Fifo, makeFifo } from "../support/fifos.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const SPLICE_F_NONBLOCK = 2;
const POLLIN = 1;
const POLLOUT = 4;

const dir = useTempDir();
const descriptors = useDescriptors();
const emptyFifo = (): Fifo => makeFifo(dir().fresh());

describeOnEngineSetups((running) => {
  const ours = (): Client => running.client;

  describe("splice", () => {
    it("moves a part of a file into a pipe, and from there into another file", async () => {
      const content = patternBytes(40_000);
      const from = descriptors.open(dir().file(content));
      const path = dir().file("1234567890");
      const to = descriptors.open(path, "r+");
      const pipe = emptyFifo();
      expect(await ours().splice(from, 1000, pipe.fd, null, 5000)).toBe(5000);
      expect(await ours().splice(pipe.fd, null, to, 10n, 5000)).toBe(5000);
      expect(fs.readFileSync(path).subarray(10).equals(content.subarray(1000, 6000))).toBe(true);
      expect(await ours().splice(from, content.length, pipe.fd, null, 1)).toBe(0);
      pipe.close();
    });

    it("goes on where the descriptors stand", async () => {
      const from = descriptors.open(dir().file("abcdef"));
      const path = dir().fresh();
      const to = descriptors.open(path, "w");
      const pipe = emptyFifo();
      for (let round = 0; round < 3; round++) {
        expect(await ours().splice(from, null, pipe.fd, null, 2)).toBe(2);
        expect(await ours().splice(pipe.fd, null, to, null, 2)).toBe(2);
      }
      expect(fs.readFileSync(path, "utf8")).toBe("abcdef");
      pipe.close();
    });

    it("rejects with the kernel's errors, and ours", async () => {
      const file = descriptors.open(dir().file("x"), "r+");
      const pipe = emptyFifo();
      const both = failureOf(() => ours().splice(file, 0, file, 0, 1));
      expect(await both).toMatchObject({ code: "EINVAL", syscall: "splice" });
      const empty = failureOf(() => ours().splice(pipe.fd, null, file, 0, 1, SPLICE_F_NONBLOCK));
      expect((await empty).code).toBe("EAGAIN");
      const wrong = failureOf(() => ours().splice(file, "0" as never, pipe.fd, null, 1));
      expect((await wrong).message).toContain('"offIn"');
      expect((await failureOf(() => ours().splice(-1, 0, 0, 0, 1))).message).toContain('"fdIn"');
      pipe.close();
    });
  });

  it("tee copies from pipe to pipe, and takes nothing", async () => {
    const [from, to] = [emptyFifo(), emptyFifo()];
    fs.writeSync(from.fd, "both");
    expect(await ours().tee(from.fd, to.fd, 100)).toBe(4);
    for (const { fd } of [from, to]) {
      const view = Buffer.alloc(8);
      expect(await ours().read(fd, view)).toBe(4);
      expect(view.toString("utf8", 0, 4)).toBe("both");
    }
    from.close();
    to.close();
  });

  describe("poll", () => {
    it("says what is there, at once or when it comes", async () => {
      const fifo = emptyFifo();
      expect(await ours().poll(fifo.fd, POLLIN | POLLOUT)).toBe(POLLOUT);
      const coming = ours().poll(fifo.fd, POLLIN);
      await setTimeout(2);
      fs.writeSync(fifo.fd, "x");
      expect(await within(SOON_MS, "poll", coming)).toBe(POLLIN);
      fifo.close();
    });

    it("ends with its signal, its time, and its descriptor", async () => {
      const fifo = emptyFifo();
      const fd = fs.openSync(fifo.path, "r+");
      const late = failureOf(() => ours().poll(fd, POLLIN, { timeoutMs: 5 }));
      expect((await within(SOON_MS, "poll", late)).code).toBe("ETIMEDOUT");
      const signal = AbortSignal.timeout(5);
      const aborted = failureOf(() => ours().poll(fd, POLLIN, { signal }));
      expect((await within(SOON_MS, "poll", aborted)).code).toBe("ABORT_ERR");
      const closed = failureOf(() => ours().poll(fd, POLLIN));
      await ours().close(fd);
      expect((await within(SOON_MS, "poll", closed)).code).toBe("ECANCELED");
      fifo.close();
    });
  });
});
