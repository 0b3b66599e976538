/** `signal`, cancel and cancelAll: what is cancelled says so, what was done resolves, and nothing is lost in between. */
import { getEventListeners } from "node:events";
import fs from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { Client } from "ringpost";
import { connect } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { type Fifo, makeFifo, makeFifoPath } from "../support/fifos.js";
import { countDescriptors, useDescriptors } from "../support/open-descriptors.js";
import { seededRandom } from "../support/random.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const descriptors = useDescriptors();

const emptyFifo = (): Fifo => makeFifo(dir().fresh());
const ABORTED = {
  name: "AbortError",
  code: "ABORT_ERR",
  message: "The operation was aborted",
};

/** Every method with a signal, doing something that ends by itself. */
const calls: Readonly<Record<string, (client: Client, signal: AbortSignal) => Promise<unknown>>> = {
  nop: (client, signal) => client.nop({ signal }),
  open: async (client, signal) => fs.closeSync(await client.open("/", "r", 0o666, { signal })),
  read: (client, signal) => client.read(file(), Buffer.alloc(4), { position: 0, signal }),
  write: (client, signal) => client.write(file(), Buffer.alloc(4), { position: 0, signal }),
  readv: (client, signal) => client.readv(file(), [Buffer.alloc(4)], { position: 0, signal }),
  writev: (client, signal) => client.writev(file(), [Buffer.alloc(4)], { position: 0, signal }),
  fsync: (client, signal) => client.fsync(file(), { signal }),
  fdatasync: (client, signal) => client.fdatasync(file(), { signal }),
  ftruncate: (client, signal) => client.ftruncate(file(), 1, { signal }),
  fallocate: (client, signal) => client.fallocate(file(), 0, 0, 1, { signal }),
  fadvise: (client, signal) => client.fadvise(file(), 0, 0, 0, { signal }),
  syncFileRange: (client, signal) => client.syncFileRange(file(), 0, 0, 2, { signal }),
  stat: (client, signal) => client.stat("/", { signal }),
  lstat: (client, signal) => client.lstat("/", { signal }),
  rename: (client, signal) => client.rename(dir().file("x"), dir().fresh(), { signal }),
  unlink: (client, signal) => client.unlink(dir().file("x"), { signal }),
  mkdir: (client, signal) => client.mkdir(dir().fresh(), { signal }),
  "mkdir, recursive": (client, signal) =>
    client.mkdir(`${dir().fresh()}/a`, { recursive: true, signal }),
  symlink: (client, signal) => client.symlink("x", dir().fresh(), { signal }),
  link: (client, signal) => client.link(dir().file("x"), dir().fresh(), { signal }),
  readFile: (client, signal) => client.readFile("/proc/version", { signal }),
  writeFile: (client, signal) => client.writeFile(dir().fresh(), "x", { signal }),
};
const file = (): number => descriptors.open(dir().file("1234"), "r+");

describeOnEngineSetups((running) => {
  const ours = (): Client => running.client;

  it.each(Object.entries(calls))("%s ends as usual, and lets go of the signal", async (_, call) => {
    const { signal } = new AbortController();
    await call(ours(), signal);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it.each(Object.entries(calls))("%s with an aborted signal is not posted", async (_, call) => {
    await ours().nop();
    const posted = () => running.engine.stats().clients[0]!.posted;
    const before = posted();
    const reason = new Error("enough");
    const failure = call(ours(), AbortSignal.abort(reason)).catch((error) => error);
    expect(await failure).toMatchObject({ ...ABORTED, cause: reason });
    await ours().nop();
    expect(posted()).toBe(before + 1);
  });

  it("cancels a read that waits, and nothing beside it", async () => {
    const fifo = emptyFifo();
    const controller = new AbortController();
    const view = Buffer.alloc(4);
    const read = ours().read(fifo.fd, view, { signal: controller.signal });
    const beside = ours().read(fifo.fd, Buffer.alloc(4));
    await setTimeout(2);
    controller.abort();
    const error = await within(
      SOON_MS,
      "read",
      read.catch((failed) => failed),
    );
    expect(error).toMatchObject(ABORTED);
    expect(error.cause).toBe(controller.signal.reason);
    fs.writeSync(fifo.fd, "late");
    expect(await within(SOON_MS, "the other read", beside)).toBe(4);
    expect(view.every((byte) => byte === 0)).toBe(true);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    fifo.close();
  });

  it("cancels in the turn of the event loop in which it was posted", async () => {
    const fifo = emptyFifo();
    const controller = new AbortController();
    const read = failureOf(() => ours().read(fifo.fd, Buffer.alloc(4), controller));
    controller.abort();
    expect(await within(SOON_MS, "read", read)).toMatchObject(ABORTED);
    fifo.close();
  });

  it("takes what waits for a slot out of the line", async () => {
    const other = await connect(running.engine.handle());
    const controller = new AbortController();
    const nops = Array.from({ length: 300 }, () => other.nop());
    const path = dir().fresh();
    const write = failureOf(() => other.writeFile(path, "x", { signal: controller.signal }));
    controller.abort();
    expect(await within(SOON_MS, "writeFile", write)).toMatchObject(ABORTED);
    await Promise.all(nops);
    await other.drain();
    expect(fs.existsSync(path)).toBe(false);
    await other.close();
  });

  it("is too late for what is done", async () => {
    const controller = new AbortController();
    const read = ours().read(file(), Buffer.alloc(4), { position: 0, signal: controller.signal });
    const stat = ours().stat("/", { signal: controller.signal });
    expect(await read).toBe(4);
    controller.abort();
    expect((await stat.catch((error) => error)).code ?? "resolved").toMatch(/resolved|ABORT_ERR/);
    await ours().nop();
  });

  it("cancels an open that waits for the other end, without a descriptor left", async () => {
    const [path, other] = [makeFifoPath(dir().fresh()), makeFifoPath(dir().fresh())];
    const controller = new AbortController();
    const before = countDescriptors(dir().path);
    const open = failureOf(() => ours().open(path, "w", 0o666, { signal: controller.signal }));
    const readFile = failureOf(() => ours().readFile(other, { signal: controller.signal }));
    await setTimeout(5);
    controller.abort();
    expect(await within(SOON_MS, "open", open)).toMatchObject(ABORTED);
    expect(await within(SOON_MS, "readFile", readFile)).toMatchObject(ABORTED);
    expect(countDescriptors(dir().path)).toBe(before);
  });

  it("never cancels a close", async () => {
    const fd = fs.openSync(dir().file("x"), "r");
    const controller = new AbortController();
    const nops = Array.from({ length: 300 }, () =>
      ours()
        .nop(controller)
        .catch(() => "aborted"),
    );
    const closed = ours().close(fd);
    controller.abort();
    await Promise.all(nops);
    expect(await within(SOON_MS, "close", closed)).toBeUndefined();
    expect(() => fs.fstatSync(fd)).toThrow("EBADF");
  });

  describe("cancel", () => {
    it("of a descriptor reaches this client's requests on it alone", async () => {
      const [one, two] = [emptyFifo(), emptyFifo()];
      const other = await connect(running.engine.handle());
      const mine = failureOf(() => ours().read(one.fd, Buffer.alloc(4)));
      const others = other.read(one.fd, Buffer.alloc(4));
      const elsewhere = other.read(two.fd, Buffer.alloc(4));
      await setTimeout(2);
      ours().cancel(one.fd);
      expect(await within(SOON_MS, "read", mine)).toMatchObject({ code: "ECANCELED" });
      other.cancel(777_777); // nobody's
      fs.writeSync(one.fd, "one");
      fs.writeSync(two.fd, "two");
      expect(await within(SOON_MS, "reads", Promise.all([others, elsewhere]))).toEqual([3, 3]);
      await other.close();
      one.close();
      two.close();
    });

    it("of everything reaches what is in flight, and what waits", async () => {
      const fifo = emptyFifo();
      const other = await connect(running.engine.handle());
      const reads = Array.from({ length: 300 }, () =>
        failureOf(() => other.read(fifo.fd, Buffer.alloc(4))),
      );
      await ours().nop();
      other.cancelAll();
      for (const failure of await within(SOON_MS, "reads", Promise.all(reads))) {
        expect(failure).toMatchObject({ code: "ECANCELED", syscall: "read" });
      }
      expect(await other.nop()).toBeUndefined();
      await other.close();
      fifo.close();
    });

    it("refuses what is no descriptor, and says that the client is closed", async () => {
      expect(() => ours().cancel(-1)).toThrow(
        expect.objectContaining({ code: "ERR_OUT_OF_RANGE" }),
      );
      const other = await connect(running.engine.handle());
      await other.close();
      const closed = expect.objectContaining({ code: "ERR_RINGPOST_CLOSED" });
      expect(() => other.cancel(0)).toThrow(closed);
      expect(() => other.cancelAll()).toThrow(closed);
    });
  });

  it("loses no byte at random abort times", async () => {
    const random = seededRandom("random abort times");
    const fifo = emptyFifo();
    const other = await connect(running.engine.handle());
    let [sent, received, aborted] = [0, 0, 0];
    const readOne = async (): Promise<void> => {
      const view = Buffer.alloc(1);
      const controller = new AbortController();
      const read = other.read(fifo.fd, view, { signal: controller.signal });
      const when = random.below(4);
      if (when === 0) controller.abort();
      else if (when === 1) setImmediate(() => controller.abort());
      else if (when === 2) queueMicrotask(() => controller.abort());
      else void setTimeout(random.below(3)).then(() => controller.abort());
      if (random.below(2) === 0) {
        fs.writeSync(fifo.fd, "x");
        sent++;
      }
      try {
        const bytes = await read;
        received += bytes;
        expect(view.toString()).toBe("x");
      } catch (error) {
        expect(error).toMatchObject(ABORTED);
        expect(view[0]).toBe(0);
        aborted++;
      }
    };
    for (let round = 0; round < 300; round++) {
      const reads = Array.from({ length: 1 + random.below(20) }, readOne);
      await within(SOON_MS, `round ${round}`, Promise.all(reads));
    }
    const rest = Buffer.alloc(sent + 1);
    fs.writeSync(fifo.fd, "."); // so that the read has an end
    expect(received + fs.readSync(fifo.fd, rest)).toBe(sent + 1);
    expect(aborted).toBeGreaterThan(100);
    expect(received).toBeGreaterThan(0);
    await other.close();
    fifo.close();
  });

  it.each([
    ["signal", "yes", "ERR_INVALID_ARG_TYPE"],
    ["signal", {}, "ERR_INVALID_ARG_TYPE"],
    ["timeoutMs", "1", "ERR_INVALID_ARG_TYPE"],
    ["timeoutMs", 0, "ERR_OUT_OF_RANGE"],
    ["timeoutMs", 1.5, "ERR_OUT_OF_RANGE"],
    ["timeoutMs", 2 ** 31, "ERR_OUT_OF_RANGE"],
  ])("refuses a wrong %s: %j", async (name, value, code) => {
    const failure = await failureOf(() => ours().nop({ [name]: value } as object));
    expect(failure).toMatchObject({ code });
    expect(failure.message).toContain(`"options.${name}"`);
  });
});
