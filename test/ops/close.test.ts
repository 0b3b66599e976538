import fs from "node:fs";
import { connect } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { expectNodesFailure, failureOf } from "../support/failures.js";
import { makeFifo, makeFifoPath } from "../support/fifos.js";
import { nodeByDescriptor } from "../support/node-by-descriptor.js";
import { countDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const NEVER_OPEN = 0x7fff_ffff;

describeOnEngineSetups((running) => {
  it("closes a descriptor of node:fs", async () => {
    const fd = fs.openSync(dir().file("x"), "r");
    expect(await running.client.close(fd)).toBeUndefined();
    expect(() => fs.fstatSync(fd)).toThrow("EBADF");
  });

  it("closes its own descriptors, and leaks none", async () => {
    const path = dir().file("x");
    await running.client.close(await running.client.open(path));
    const before = countDescriptors(dir().path);
    const fds = await Promise.all(Array.from({ length: 60 }, () => running.client.open(path)));
    await Promise.all(fds.map((fd) => running.client.close(fd)));
    expect(countDescriptors(dir().path)).toBe(before);
  });

  it("fails as node:fs does: EBADF, of what is not open", () =>
    expectNodesFailure(
      "EBADF",
      () => running.client.close(NEVER_OPEN),
      () => nodeByDescriptor.close(NEVER_OPEN),
    ));

  it("fails as node:fs does: EBADF, of what is closed already", async () => {
    const fd = fs.openSync(dir().file("x"), "r");
    await running.client.close(fd);
    await expectNodesFailure(
      "EBADF",
      () => running.client.close(fd),
      () => nodeByDescriptor.close(fd),
    );
  });

  it("cancels what takes from the descriptor, and what gives to it", async () => {
    const from = makeFifo(dir().fresh());
    const to = makeFifo(dir().fresh());
    for (const closed of [from, to]) {
      const fds = { from: from.fd, to: to.fd };
      const fd = fs.openSync(closed.path, "r+");
      fds[closed === from ? "from" : "to"] = fd;
      const splicing = failureOf(() => running.client.splice(fds.from, null, fds.to, null, 8));
      await running.client.nop(); // the engine has it
      await within(SOON_MS, "close", running.client.close(fd));
      expect(await within(SOON_MS, "splice", splicing)).toMatchObject({ code: "ECANCELED" });
    }
    from.close();
    to.close();
  });

  it("cancels what waits on the descriptor first, of every client", async () => {
    const fifo = makeFifo(dir().fresh());
    const fd = fs.openSync(fifo.path, "r+");
    const other = await connect(running.engine.handle());
    const waiting = [running.client, other].map((client) =>
      failureOf(() => client.read(fd, Buffer.alloc(8))),
    );
    await other.nop(); // the engine has them all
    expect(await within(SOON_MS, "close", running.client.close(fd))).toBeUndefined();
    for (const failure of await within(SOON_MS, "reads", Promise.all(waiting))) {
      expect(failure).toMatchObject({ code: "ECANCELED", syscall: "read" });
    }
    expect(() => fs.fstatSync(fd)).toThrow("EBADF");
    await other.close();
    fifo.close();
  });

  it("lets transfers of files end that were posted before", async () => {
    const path = dir().file("content");
    const fd = fs.openSync(path, "r+");
    const read = running.client.read(fd, Buffer.alloc(8), 0);
    const write = running.client.write(fd, Buffer.from("C"), 0);
    const closed = running.client.close(fd);
    expect(await Promise.all([read, write, closed])).toEqual([7, 1, undefined]);
  });

  it("of the client cancels a read that waits for ever", async () => {
    const fifo = makeFifo(dir().fresh());
    const other = await connect(running.engine.handle());
    const read = other
      .read(fifo.fd, Buffer.alloc(8))
      .catch((error: NodeJS.ErrnoException) => error);
    await other.nop();
    await within(SOON_MS, "close", other.disconnect({ graceMs: 10 }));
    expect(await within(SOON_MS, "read", read)).toMatchObject({
      code: "ECANCELED",
      errno: -125,
      syscall: "read",
      message: "ECANCELED: operation canceled, read",
    });
    expect(() => fs.fstatSync(fifo.fd)).not.toThrow();
    fifo.close();
  });

  it("of the client cancels an open that waits for a FIFO's other end", async () => {
    const path = makeFifoPath(dir().fresh());
    const other = await connect(running.engine.handle());
    const opened = failureOf(() => other.open(path, "w"));
    await other.nop();
    await within(SOON_MS, "close", other.disconnect({ graceMs: 10 }));
    expect(await within(SOON_MS, "open", opened)).toMatchObject({
      ...{ code: "ECANCELED", errno: -125, syscall: "open", path },
      message: `ECANCELED: operation canceled, open '${path}'`,
    });
    expect(countDescriptors(path)).toBe(0);
  });

  it("of the client also cancels what waits for a slot", async () => {
    const fifo = makeFifo(dir().fresh());
    const other = await connect(running.engine.handle());
    const reads = Array.from({ length: 300 }, () => other.read(fifo.fd, Buffer.alloc(8)));
    const settled = Promise.allSettled(reads);
    await within(SOON_MS, "close", other.disconnect({ graceMs: 10 }));
    for (const result of await within(SOON_MS, "reads", settled)) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "ECANCELED" } });
    }
    fifo.close();
  });
});
