/**
 * Thousands of requests of random words, in a process of their own: whatever they say, each gets one reply, no byte outside of what was
 * pinned changes, and the process lives. A request that could do harm to the machine (a close of any descriptor, a write to any) is
 * not made; the rest is.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { chooseSeed } from "../support/random.js";

const DEADLINE_MS = 60_000;

it("random requests are answered one by one, and the process lives", () => {
  const seed = chooseSeed("random requests");
  const fixture = fileURLToPath(new URL("fixtures/random-requests.mjs", import.meta.url));
  const output = execFileSync(process.execPath, [fixture, String(seed)], {
    encoding: "utf8",
    timeout: DEADLINE_MS,
    killSignal: "SIGKILL",
  });
  const { requests, replies, succeeded, touched, others } = JSON.parse(output) as Record<
    string,
    number
  >;
  expect(replies).toBe(requests);
  expect(touched).toBe(0);
  expect(others).toBe(0);
  // Both ways were taken: some requests were right by chance, and most were not.
  expect(succeeded).toBeGreaterThan(0);
  expect(succeeded).toBeLessThan(requests! / 2);
});
