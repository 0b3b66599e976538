/** pipe: two descriptors at a time, which never leak. */
import fs from "node:fs";
import { type Client, connect } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { listDescriptors } from "../support/open-descriptors.js";

const { O_DIRECT, O_EXCL, O_NONBLOCK, O_WRONLY } = fs.constants;
const O_CLOEXEC = 0o2000000;

const flagsOf = (fd: number): number =>
  Number.parseInt(
    /flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))![1]!,
    8,
  );

const countPipes = (): number =>
  listDescriptors().filter((target) => target.startsWith("pipe:")).length;

describeOnEngineSetups((running) => {
  const ours = (): Client => running.client;

  it("makes a pipe, which isn't inherited", async () => {
    const before = countPipes();
    const [from, to] = await ours().pipe();
    expect(countPipes()).toBe(before + 2);
    expect(flagsOf(from) & (O_CLOEXEC | O_NONBLOCK | O_WRONLY)).toBe(O_CLOEXEC);
    expect(flagsOf(to) & (O_CLOEXEC | O_NONBLOCK | O_WRONLY)).toBe(O_CLOEXEC | O_WRONLY);
    const view = Buffer.alloc(8);
    const reading = ours().read(from, view);
    fs.writeSync(to, "through");
    expect(await within(SOON_MS, "read", reading)).toBe(7);
    expect(view.toString("utf8", 0, 7)).toBe("through");
    await ours().close(to);
    expect(await ours().read(from, view)).toBe(0);
    await ours().close(from);
    expect(countPipes()).toBe(before);
  });

  it("takes the flags of pipe2", async () => {
    const [from, to] = await ours().pipe(O_NONBLOCK | O_DIRECT);
    expect(flagsOf(from) & O_NONBLOCK).toBe(O_NONBLOCK);
    fs.writeSync(to, "one");
    fs.writeSync(to, "two");
    expect(fs.readSync(from, Buffer.alloc(8))).toBe(3); // packets
    fs.closeSync(from);
    fs.closeSync(to);
  });

  it("rejects with the kernel's errors, and ours", async () => {
    const before = countPipes();
    expect(await failureOf(() => ours().pipe(O_WRONLY))).toMatchObject({
      ...{ code: "EINVAL", syscall: "pipe2", message: "EINVAL: invalid argument, pipe2" },
    });
    for (const flags of ["0", -1, 0.5, O_EXCL * 2 ** 32]) {
      expect((await failureOf(() => ours().pipe(flags as number))).code).toMatch(/^ERR_/);
    }
    const aborted = failureOf(() => ours().pipe(0, { signal: AbortSignal.abort() }));
    expect((await aborted).code).toBe("ABORT_ERR");
    expect(countPipes()).toBe(before);
  });

  it("makes many, each once", async () => {
    const before = countPipes();
    const pipes = await Promise.all(Array.from({ length: 100 }, () => ours().pipe()));
    expect(new Set(pipes.flat()).size).toBe(200);
    expect(countPipes()).toBe(before + 200);
    await Promise.all(pipes.flat().map((fd) => ours().close(fd)));
    expect(countPipes()).toBe(before);
  });

  it("leaves none open that its client doesn't get", async () => {
    const before = countPipes();
    for (let round = 0; round < 10; round++) {
      const client = await connect(running.engine.handle());
      const pipes = Array.from({ length: 20 }, (_, nth) => {
        const stop = new AbortController();
        const pipe = client.pipe(0, { signal: stop.signal, timeoutMs: 1 + (nth % 3) });
        if (nth % 2 === 0) stop.abort();
        return pipe;
      });
      const settled = Promise.allSettled(pipes);
      if (round % 2 === 0) client.cancelAll();
      await within(SOON_MS, "disconnect", client.disconnect({ graceMs: 0 }));
      for (const made of await settled) {
        if (made.status === "rejected") {
          expect(made.reason.code).toBeOneOf(["ABORT_ERR", "ECANCELED", "ETIMEDOUT"]);
        } else {
          made.value.forEach(fs.closeSync);
        }
      }
    }
    expect(countPipes()).toBe(before);
  });
});
