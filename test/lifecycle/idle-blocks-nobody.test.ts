/** An engine with nothing to do must not look as if the machine waited for its disks (iowait, procs_blocked, PSI). */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Engine } from "ringpost";
import { expect, it } from "vitest";
import { Feature } from "../support/engine-setups.js";

const SAMPLES = 1000;
const OFTEN = 20;

/** Threads of the whole machine that wait for input or output. */
const blocked = (): number =>
  Number(/^procs_blocked (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))![1]); // every Linux has it

/** Other programs block now and then, and an engine wakes up twice a second; one that counted would be seen at all other times. */
async function isOftenUnblocked(): Promise<boolean> {
  let unblocked = 0;
  for (let nth = 0; nth < SAMPLES && unblocked < OFTEN; nth++) {
    if (blocked() === 0) unblocked++;
    await sleep(10);
  }
  return unblocked === OFTEN;
}

it("doesn't count as waiting for input or output while it is idle", { timeout: 60_000 }, async ({
  skip,
}) => {
  await using engine = await Engine.start();
  if ((engine.report.features & Feature.NO_IOWAIT) === 0) {
    skip("This kernel lacks IORING_ENTER_NO_IOWAIT (Linux 6.15)");
  }
  const { client } = engine;
  await client.nop();
  expect(await isOftenUnblocked()).toBe(true);
  // Nor while what is in flight waits for something else.
  const word = new Int32Array(new SharedArrayBuffer(4));
  const [readFd, writeFd] = await client.pipe();
  const stream = client.pollEvents(readFd, 1);
  const event = stream.next();
  const waits = [client.futexWait(word, 0, 0), client.poll(readFd, 1)];
  await sleep(10); // they are under way
  expect(await isOftenUnblocked()).toBe(true);
  await client.write(writeFd, Buffer.from("x"));
  expect((await event).value).toBe(1);
  await stream.return();
  expect(await client.futexWake(word, 0)).toBe(1);
  await Promise.all(waits);
  await client.close(readFd);
  await client.close(writeFd);
});
