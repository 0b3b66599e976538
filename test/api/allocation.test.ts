import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("a request allocates no more than its promise", () => {
  const fixture = fileURLToPath(new URL("fixtures/allocation.mjs", import.meta.url));
  const flags = ["--expose-gc", "--min-semi-space-size=64", "--max-semi-space-size=64"];
  const output = execFileSync(process.execPath, [...flags, fixture], {
    encoding: "utf8",
    timeout: 30_000,
  });
  const { request, promise } = JSON.parse(output) as { request: number; promise: number };
  expect(promise).toBeGreaterThan(100); // no collection got in between
  // A tenth for what a batch costs: the wait, the tick, the notify.
  expect(request).toBeLessThan(promise * 1.1);
});
