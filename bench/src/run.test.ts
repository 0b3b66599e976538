// The benchmarks as a user runs them: the built program, in a process of its own.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { withWorkFolder } from "./work-folder.js";

const PROGRAM = fileURLToPath(new URL("../dist/run.js", import.meta.url));
const TIMEOUT_MS = 60_000;

function run(folder: string, ...args: string[]) {
  return spawnSync(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, TMPDIR: folder },
    timeout: TIMEOUT_MS,
    encoding: "utf8",
  });
}

test("runs the trials that are named, and writes JSON", { timeout: TIMEOUT_MS }, () =>
  withWorkFolder("ringpost-run-test-", async (folder) => {
    const json = join(folder, "results.json");
    const args = ["nops", "--rounds", "1", "--ms", "20", "--warm-up", "5", "--no-pin"];
    const { status, stdout } = run(folder, ...args, "--seed", "7", "--json", json);
    expect(status).toBe(0);
    expect(stdout).toContain("depth 32, all CPUs free");
    expect(stdout).toContain("Not measured:");
    expect(JSON.parse(readFileSync(json, "utf8"))).toMatchObject({
      seed: 7,
      rounds: 1,
      cases: [{ trial: "nops", rivals: [{ rounds: [{ operations: expect.any(Number) }] }] }],
    });
    expect(readdirSync(folder)).toEqual(["results.json"]);
  }),
);

test("compares with pools, and writes JSON, Markdown and charts", { timeout: TIMEOUT_MS }, () =>
  withWorkFolder("ringpost-run-test-", async (folder) => {
    const out = join(folder, "results");
    const chosen = ["--workloads", "offload", "--contenders", "copied,main", "--workers", "1"];
    const times = ["--rounds", "1", "--ms", "20", "--warm-up", "5", "--seed", "7"];
    const { status, stdout } = run(folder, "pooling", ...chosen, ...times, "--out", out);
    expect(status).toBe(0);
    expect(stdout).toMatch(/(reached|missed).*ringpost, main thread is .* in ops\/s, to be ≥ 5.00/);
    expect(readdirSync(folder)).toEqual(["results"]);
    expect(readdirSync(out).sort()).toEqual(["README.md", "offload.json", "offload.svg"]);
    expect(JSON.parse(readFileSync(join(out, "offload.json"), "utf8"))).toMatchObject({
      workload: "offload",
      setup: { seed: 7, rounds: 1 },
      rivals: [
        { contender: "copied", workers: 1, rounds: [{ operations: expect.any(Number) }] },
        { contender: "main" },
      ],
    });
  }),
);

test("a trial that doesn't exist is refused, and those that do are named", {
  timeout: TIMEOUT_MS,
}, () => {
  const { status, stderr } = run("", "nonsense");
  expect(status).toBe(1);
  expect(stderr).toMatch(/nonsense; there are reads, nops/);
});
