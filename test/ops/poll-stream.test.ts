/** pollEvents: what comes is told, once, to whoever asks; however the stream ends, nothing is left of it. */
import { getEventListeners } from "node:events";
import fs from "node:fs";
import { setTimeout } from "node:timers/promises";
import { type Client, connect, type PollStream } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { type Fifo, makeFifo, makeFifoPath } from "../support/fifos.js";
import { seededRandom } from "../support/random.js";
import { useTempDir } from "../support/temp-dir.js";

const [IN, OUT, ERR, HUP] = [1, 4, 8, 16];
const DONE = { done: true, value: undefined };

const dir = useTempDir();

const emptyFifo = (): Fifo => makeFifo(dir().fresh());

/** A pipe with a reading and a writing end of its own. */
function makePipe(): { reader: number; writer: number } {
  const path = makeFifoPath(dir().fresh());
  const reader = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  return { reader, writer: fs.openSync(path, "w") };
}

const soon = <T>(promise: Promise<T>, what = "stream"): Promise<T> =>
  within(SOON_MS, what, promise);

const buffer = Buffer.alloc(65_536);
const empty = (fd: number): number => fs.readSync(fd, buffer);

async function untilEnd(stream: PollStream): Promise<number[]> {
  const all: number[] = [];
  for await (const events of stream) all.push(events);
  return all;
}

describeOnEngineSetups((running) => {
  const ours = (): Client => running.client;

  it("tells of each write, once it is read", async () => {
    const fifo = emptyFifo();
    const stream = ours().pollEvents(fifo.fd, IN);
    for (let round = 0; round < 20; round++) {
      const next = stream.next();
      if (round % 2 === 0) await setTimeout(1);
      fs.writeSync(fifo.fd, "x");
      expect(await soon(next)).toEqual({ done: false, value: IN });
      expect(empty(fifo.fd)).toBe(1);
    }
    expect(await soon(stream.return())).toEqual(DONE);
    expect(await stream.next()).toEqual(DONE);
    fifo.close();
  });

  it("tells at once of what is there already, and of several events together", async () => {
    const fifo = emptyFifo();
    fs.writeSync(fifo.fd, "x");
    await using stream = ours().pollEvents(fifo.fd, IN | OUT);
    expect(await soon(stream.next())).toEqual({ done: false, value: IN | OUT });
    fifo.close();
  });

  it("keeps together what comes while nobody asks", async () => {
    const fifo = emptyFifo();
    const stream = ours().pollEvents(fifo.fd, IN);
    const first = stream.next();
    for (let nth = 0; nth < 500; nth++) fs.writeSync(fifo.fd, "x");
    await soon(first);
    for (let nth = 0; nth < 500; nth++) fs.writeSync(fifo.fd, "x");
    await ours().nop();
    expect(await soon(stream.next())).toEqual({ done: false, value: IN });
    expect(empty(fifo.fd)).toBe(1000);
    const next = stream.next();
    expect(await Promise.race([next, setTimeout(10, "silence")])).toBe("silence");
    fs.writeSync(fifo.fd, "x");
    expect(await soon(next)).toEqual({ done: false, value: IN });
    await soon(stream.return());
    fifo.close();
  });

  it("ends after a hang-up, by itself", async () => {
    const { reader, writer } = makePipe();
    const all = untilEnd(ours().pollEvents(reader, IN));
    await ours().nop();
    fs.writeSync(writer, "x");
    fs.closeSync(writer);
    const events = await soon(all);
    expect(events.reduce((one, other) => one | other)).toBe(IN | HUP);
    expect(events.at(-1)! & HUP).toBe(HUP);
    expect(events.length).toBeLessThanOrEqual(2);
    fs.closeSync(reader);
  });

  it("ends after an error: nobody reads any more", async () => {
    const { reader, writer } = makePipe();
    const all = untilEnd(ours().pollEvents(writer, 0));
    await ours().nop();
    fs.closeSync(reader);
    expect(await soon(all)).toEqual([ERR]);
    fs.closeSync(writer);
  });

  it("begins with the first next, and not before", async () => {
    const posted = (): number => running.engine.stats().clients[0]!.posted;
    await ours().nop();
    const before = posted();
    const stream = ours().pollEvents(1 << 20, IN);
    expect(await stream.return()).toEqual(DONE);
    expect(await stream.next()).toEqual(DONE);
    await ours().nop();
    expect(posted()).toBe(before + 1);
  });

  it("gives several callers their events in order, and the end to all", async () => {
    const fifo = emptyFifo();
    const stream = ours().pollEvents(fifo.fd, IN);
    const nexts = [1, 2, 3].map(() => stream.next());
    fs.writeSync(fifo.fd, "x");
    expect(await soon(nexts[0]!)).toEqual({ done: false, value: IN });
    empty(fifo.fd);
    fs.writeSync(fifo.fd, "x");
    expect(await soon(nexts[1]!)).toEqual({ done: false, value: IN });
    empty(fifo.fd);
    const late = [nexts[2]!, stream.next(), stream.return(), stream.return(), stream.next()];
    for (const result of (await soon(Promise.all(late))).slice(1)) expect(result).toEqual(DONE);
    fifo.close();
  });

  it("is left by break, and the kernel has let go then", async () => {
    const { reader, writer } = makePipe();
    fs.writeSync(writer, "x");
    for await (const events of ours().pollEvents(reader, IN)) {
      expect(events).toBe(IN);
      break;
    }
    expect(running.engine.stats().inFlight).toBe(0);
    fs.closeSync(reader);
    // No poll holds the reading end open.
    expect(() => fs.writeSync(writer, "x")).toThrow("EPIPE");
    fs.closeSync(writer);
  });

  it("fails once with what the kernel says, and is over", async () => {
    const stream = ours().pollEvents(1 << 20, IN);
    const nexts = [stream.next(), stream.next()];
    const heard: number[] = [];
    for (const [nth, next] of nexts.entries()) {
      const hear = (): unknown => heard.push(nth);
      next.then(hear, hear);
    }
    expect(await soon(failureOf(() => nexts[0]!))).toMatchObject({
      code: "EBADF",
      syscall: "poll",
    });
    expect(await soon(nexts[1]!)).toEqual(DONE);
    expect(heard).toEqual([0, 1]);
    expect(await stream.next()).toEqual(DONE);
  });

  it("is aborted by its signal, while next waits or not", async () => {
    for (const waits of [true, false]) {
      const fifo = emptyFifo();
      const controller = new AbortController();
      const stream = ours().pollEvents(fifo.fd, IN, { signal: controller.signal });
      fs.writeSync(fifo.fd, "x");
      await soon(stream.next());
      empty(fifo.fd);
      const waiting = waits ? stream.next() : undefined;
      waiting?.catch(() => undefined);
      await ours().nop();
      const reason = new Error("enough");
      controller.abort(reason);
      if (!waits) await ours().nop();
      const failure = soon(waiting ?? stream.next()).catch((error) => error);
      expect(await failure).toMatchObject({ name: "AbortError", code: "ABORT_ERR", cause: reason });
      expect(await soon(stream.next())).toEqual(DONE);
      expect(getEventListeners(controller.signal, "abort")).toEqual([]);
      fifo.close();
    }
    const aborted = ours().pollEvents(0, IN, { signal: AbortSignal.abort() });
    expect((await failureOf(() => aborted.next())).code).toBe("ABORT_ERR");
  });

  it("is over after its time", async () => {
    const fifo = emptyFifo();
    const stream = ours().pollEvents(fifo.fd, IN, { timeoutMs: 20 });
    expect((await soon(failureOf(() => stream.next()))).code).toBe("ETIMEDOUT");
    expect(await stream.next()).toEqual(DONE);
    fifo.close();
  });

  const ends = {
    cancel: async (fd: number) => ours().cancel(fd),
    cancelAll: async () => ours().cancelAll(),
    close: (fd: number) => ours().close(fd),
  };
  it.each(Object.entries(ends))("ends with ECANCELED by %s, asked or not", async (by, end) => {
    for (const isAsked of [true, false]) {
      const { reader, writer } = makePipe();
      const stream = ours().pollEvents(reader, IN);
      fs.writeSync(writer, "x");
      await soon(stream.next());
      empty(reader);
      const asked = isAsked ? failureOf(() => stream.next()) : undefined;
      await ours().nop();
      await soon(end(reader), by);
      expect((await soon(asked ?? failureOf(() => stream.next()))).code).toBe("ECANCELED");
      expect(await stream.next()).toEqual(DONE);
      if (by !== "close") fs.closeSync(reader);
      fs.closeSync(writer);
    }
  });

  it("refuses wrong arguments at once", () => {
    for (const [fd, events, options] of [
      ["0", IN],
      [-1, IN],
      [0, -1],
      [0, 1 << 16],
      [0, "in"],
      [0, IN, { timeoutMs: 0 }],
      [0, IN, { signal: 1 }],
    ]) {
      expect(() => ours().pollEvents(fd as number, events as number, options as object)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^ERR_/) }),
      );
    }
  });

  it("ends with its client, and with the engine's service", async () => {
    const other = await connect(running.engine.handle());
    const fifo = emptyFifo();
    const stream = other.pollEvents(fifo.fd, IN);
    const next = failureOf(() => stream.next());
    await other.nop();
    await soon(other.disconnect({ graceMs: 1 }), "disconnect");
    expect((await soon(next)).code).toBe("ECANCELED");
    const late = other.pollEvents(fifo.fd, IN);
    expect((await failureOf(() => late.next())).code).toBe("ERR_RINGPOST_CLOSED");
    fifo.close();
  });

  it("survives random writes, reads and ends", { timeout: 60_000 }, async () => {
    const random = seededRandom("streams");
    const fifos = [emptyFifo(), emptyFifo()];
    for (let round = 0; round < 300; round++) {
      const fifo = fifos[round % 2]!;
      const controller = new AbortController();
      const stream = ours().pollEvents(fifo.fd, IN, { signal: controller.signal });
      const ending = (async () => {
        try {
          for await (const events of stream) {
            expect(events).toBe(IN);
            if (random.below(3) === 0) break;
            if (random.below(2) === 0) fs.writeSync(fifo.fd, "y");
          }
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/ABORT_ERR|ECANCELED/) });
        }
      })();
      for (let nth = random.below(4); nth > 0; nth--) {
        fs.writeSync(fifo.fd, "x");
        if (random.below(2) === 0) await new Promise(setImmediate);
      }
      random.pick([
        () => ours().cancel(fifo.fd),
        () => stream.return(),
        () => controller.abort(),
      ])();
      await soon(ending, `round ${round}`);
      if (round % 10 < 2) {
        fs.writeSync(fifo.fd, "z");
        empty(fifo.fd);
      }
    }
    expect(running.engine.stats().inFlight).toBe(0);
    for (const fifo of fifos) fifo.close();
  });
});
