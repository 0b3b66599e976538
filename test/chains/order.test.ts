/** Chains beside each other and in line: drain, cancellation, deadlines, the line for slots, and the end of the client. */
import fs from "node:fs";
import { type ChainError, type Client, connect, opened } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { makeFifo, makeFifoPath } from "../support/fifos.js";
import { countDescriptors, useDescriptors } from "../support/open-descriptors.js";
import { seededRandom } from "../support/random.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const descriptors = useDescriptors();
const CREDITS = 16;

const failing = (promise: Promise<unknown>): Promise<ChainError> =>
  within(
    SOON_MS,
    "chain",
    promise.then(
      () => Promise.reject(new Error("It was to fail")),
      (error: ChainError) => error,
    ),
  );
const codesOf = ({ results }: ChainError): unknown[] =>
  results.map((result) => (result as NodeJS.ErrnoException | undefined)?.code);

describeOnEngineSetups(
  (running) => {
    const ours = (): Client => running.client;

    it("keeps the order of many chains' steps, each its own", async () => {
      const CHAINS = 200;
      const files = Array.from({ length: CHAINS }, () => dir().fresh());
      const runs = files.map((path) => {
        const chain = ours().chain().open(path, "a");
        for (let step = 0; step < 10; step++) chain.write(opened, Buffer.from(String(step)));
        return chain.run();
      });
      await within(SOON_MS, "chains", Promise.all(runs));
      for (const path of files) expect(fs.readFileSync(path, "utf8")).toBe("0123456789");
    });

    it("with drain, begins after all before it, and ends before all behind it", async () => {
      const fifo = makeFifo(dir().fresh());
      const log = dir().fresh();
      const fd = descriptors.open(log, "a");
      const text = (letter: string) => Buffer.from(letter);
      const work = [
        ours().read(fifo.fd, Buffer.alloc(1)),
        ours().chain({ drain: true }).write(fd, text("1")).nop().write(fd, text("2")).run(),
        ours().write(fd, text("3"), 0),
        ours().chain().nop().write(fd, text("4")).drain().run(),
        ours().write(fd, text("5"), 0),
      ];
      const other = await connect(running.engine.handle());
      for (let nth = 0; nth < 20; nth++) await other.nop(); // another client waits for nobody
      expect(fs.readFileSync(log, "utf8")).toBe("");
      fs.writeSync(fifo.fd, "x");
      await within(SOON_MS, "all", Promise.all(work));
      expect(fs.readFileSync(log, "utf8")).toBe("12345");
      await other.close();
      fifo.close();
    });

    it("is cancelled by its signal: the step that runs, and those behind it", async () => {
      const fifo = makeFifo(dir().fresh());
      const control = new AbortController();
      const chain = ours()
        .chain({ signal: control.signal })
        .nop()
        .read(fifo.fd, Buffer.alloc(1))
        .nop();
      const error = failing(chain.run());
      setTimeout(() => control.abort(), 10);
      expect(await error).toMatchObject({ name: "AbortError", code: "ABORT_ERR", step: 1 });
      fs.writeSync(fifo.fd, "x");
      expect(await ours().read(fifo.fd, Buffer.alloc(2))).toBe(1); // it took nothing
      fifo.close();
    });

    it("is cancelled while it waits for a drain", async () => {
      const fifo = makeFifo(dir().fresh());
      const control = new AbortController();
      const read = ours().read(fifo.fd, Buffer.alloc(1));
      const error = failing(
        ours().chain({ signal: control.signal, drain: true }).nop().nop().run(),
      );
      const nop = ours().nop();
      setTimeout(() => control.abort(), 10);
      expect(await error).toMatchObject({ code: "ABORT_ERR", step: 0 });
      await within(SOON_MS, "nop", nop); // it waits for the drain no more
      fs.writeSync(fifo.fd, "x");
      await read;
      fifo.close();
    });

    it("has one time for all its steps, or each its own", async () => {
      const fifo = makeFifo(dir().fresh());
      const wait = () => ours().chain({ timeoutMs: 20 }).nop().read(fifo.fd, Buffer.alloc(1)).nop();
      expect(await failing(wait().run())).toMatchObject({ code: "ETIMEDOUT", step: 1 });
      const step = ours().chain().read(fifo.fd, Buffer.alloc(1), { timeoutMs: 20 }).nop();
      const error = await failing(step.run());
      expect(error).toMatchObject({ code: "ETIMEDOUT", step: 0 });
      expect(codesOf(error)).toEqual(["ETIMEDOUT", "ECANCELED"]);
      fifo.close();
    });

    it("waits for all the slots that it needs, in order, and can be cancelled there", async () => {
      const fifo = makeFifo(dir().fresh());
      const client = await connect(running.engine.handle());
      const reads = Array.from({ length: CREDITS - 1 }, () =>
        client.read(fifo.fd, Buffer.alloc(1)),
      );
      const ended: string[] = [];
      const control = new AbortController();
      const aborted = failing(client.chain({ signal: control.signal }).nop().nop().run());
      const late = failing(client.chain().nop().nop({ timeoutMs: 5 }).run());
      const chain = client.chain().nop().nop().run();
      const nop = client.nop().then(() => ended.push("nop"));
      control.abort(new Error("enough"));
      expect(codesOf(await aborted)).toEqual(["ABORT_ERR", "ECANCELED"]);
      expect((await aborted).cause).toMatchObject({ message: "enough" }); // as of a single request
      expect(codesOf(await late)).toEqual(["ECANCELED", "ETIMEDOUT"]);
      expect(ended).toEqual([]); // behind the chain
      fs.writeSync(fifo.fd, Buffer.alloc(CREDITS - 1));
      await within(SOON_MS, "all", Promise.all([...reads, chain, nop]));
      await client.close();
      fifo.close();
    });

    it("ends with its client: what waits is cancelled, what it opened is closed", async () => {
      const fifo = makeFifo(dir().fresh());
      const path = dir().file("x");
      const client = await connect(running.engine.handle());
      const chains = [
        client.chain().open(path).read(fifo.fd, Buffer.alloc(1)).nop(),
        client.chain().open(path).stat(opened).read(fifo.fd, Buffer.alloc(1)).hardLink().nop(),
        client.chain({ drain: true }).nop(),
        client.chain().nop(),
      ];
      const errors = Promise.all(chains.map((chain) => failing(chain.run())));
      await within(SOON_MS, "disconnect", client.disconnect({ graceMs: 10 }));
      expect((await errors).map(({ code }) => code)).toEqual(Array(4).fill("ECANCELED"));
      expect(countDescriptors(path)).toBe(0);
      const after = await failing(client.chain().nop().run());
      expect(after).toMatchObject({ code: "ERR_RINGPOST_CLOSED", step: 0 });
      fifo.close();
    });

    it("a close of its descriptor by another request cancels the step that waits", async () => {
      const path = makeFifoPath(dir().fresh());
      const fd = fs.openSync(path, "r+");
      const error = failing(ours().chain().nop().read(fd, Buffer.alloc(1)).nop().run());
      await ours().nop(); // behind the chain's: its next step is under way
      await within(SOON_MS, "close", ours().close(fd));
      expect(await error).toMatchObject({ code: "ECANCELED", step: 1 });
    });

    it("loses nothing, aborted at random times", async () => {
      const random = seededRandom("random aborts of chains");
      const path = dir().file("x".repeat(100));
      const rounds = Array.from({ length: 1000 }, async () => {
        const control = new AbortController();
        const chain = ours()
          .chain({ signal: control.signal, drain: random.below(20) === 0 })
          .open(path);
        for (let step = 0; step < random.below(6); step++) {
          if (random.below(3) === 0) chain.hardLink();
          chain.read(opened, Buffer.alloc(10));
        }
        const settled = chain.settle();
        const abort = (): void => control.abort();
        const when = random.below(4);
        if (when === 0) setImmediate(abort);
        else if (when === 1) setTimeout(abort, random.below(5));
        for (const result of (await settled).results) {
          if (result.status === "rejected")
            // EBADF: a read behind a hard link, of a file whose open was cancelled.
            expect(["ABORT_ERR", "ECANCELED", "EBADF"]).toContain(result.reason.code);
        }
      });
      await within(SOON_MS, "chains", Promise.all(rounds));
      expect(countDescriptors(path)).toBe(0);
      await ours().nop();
    });
  },
  { credits: CREDITS },
);
