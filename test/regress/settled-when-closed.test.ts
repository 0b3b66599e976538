/**
 * engine.close() could resolve before the promises of the thread's other clients had settled, where their wakers had been called for
 * something else in the same turn of the event loop.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, Engine } from "ringpost";
import { expect, it } from "vitest";

const ROUNDS = 60;
const READS = 2000;

it("when an engine is closed, all promises of its thread have settled", {
  timeout: 60_000,
}, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const engine = await Engine.start();
    const other = await connect(engine.handle());
    const [readFd, writeFd] = await engine.client.pipe();
    let settled = 0;
    for (let nth = 0; nth < READS; nth++) {
      other.read(readFd, Buffer.alloc(8)).catch(() => {
        settled++;
      });
    }
    await sleep(2);
    for (const fd of [readFd, writeFd]) await engine.client.close(fd);
    await engine.close({ graceMs: 20 });
    expect(settled).toBe(READS);
  }
});
