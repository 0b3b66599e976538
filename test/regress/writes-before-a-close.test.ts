/** What is posted before a close is carried out, also where the kernel tells of itself: cancelled there, a write was lost. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";

const ROUNDS = 100;
const running = useEngine();

it.each([0, null])("writes to /proc/self/comm, at the position %s", async (position) => {
  const { client } = running;
  const before = readFileSync("/proc/self/comm", "utf8").trim();
  for (let round = 0; round < ROUNDS; round++) {
    const fd = await client.open("/proc/self/comm", "r+");
    const name = Buffer.from(`name-${round}`);
    const writing = client.write(fd, name, { position });
    const closing = client.close(fd);
    expect(await writing).toBe(name.byteLength);
    await closing;
    expect(readFileSync("/proc/self/comm", "utf8").trim()).toBe(`name-${round}`);
  }
  const fd = await client.open("/proc/self/comm", "r+");
  await client.write(fd, Buffer.from(before));
  await client.close(fd);
});
