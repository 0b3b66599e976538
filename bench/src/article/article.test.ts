// The experiment as a user runs it, for some milliseconds, with a small file: so that it can't rot.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { withWorkFolder } from "../work-folder.js";
import { chooseRivals, rivals, shortName } from "./rivals.js";

const PROGRAM = fileURLToPath(new URL("../../dist/run.js", import.meta.url));
const SEED = process.env.RINGPOST_SEED ?? "1";
const TIMEOUT_MS = 180_000;

/** Runs the program with `temporary` for its files, and the report in `out`. */
function run(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const temporary = join(folder, "tmp");
  const out = join(folder, "out");
  mkdirSync(temporary);
  const usual = ["--file-mib", "4", "--ms", "50", "--warm-up", "5", "--rounds", "1"];
  const result = spawnSync(
    process.execPath,
    [PROGRAM, "article", ...usual, "--seed", SEED, "--out", out, ...args],
    { env: { ...process.env, TMPDIR: temporary, ...env }, timeout: TIMEOUT_MS, encoding: "utf8" },
  );
  return { ...result, out, left: readdirSync(temporary) };
}

test(
  "measures everybody in a cell past the page cache and one through it, and reports",
  {
    timeout: TIMEOUT_MS,
  },
  () =>
    withWorkFolder("ringpost-article-test-", async (folder) => {
      const { status, stdout, stderr, out, left } = run(folder, [
        "--cells",
        "direct/16k/8,buffered/1m/8",
      ]);
      expect({ status, stderr }).toMatchObject({ status: 0 });
      expect(left).toEqual([]);
      const { cases } = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
      expect(cases).toHaveLength(2);
      const page = readFileSync(join(out, "README.md"), "utf8");
      const taking = rivals.filter(({ name }) => !stdout.includes(`Left out: ${name}:`));
      for (const { rivals: measured } of cases) {
        expect(measured.map(({ rival }: { rival: string }) => rival)).toEqual(
          taking.map(({ name }) => name),
        );
        for (const { rounds } of measured) {
          expect(rounds).toHaveLength(1);
          expect(rounds[0].opsPerSecond).toBeGreaterThan(0);
          expect(rounds[0].p999Us).toBeGreaterThan(0);
        }
      }
      for (const { name, note } of taking) expect(page).toContain(`**${name}**: ${note}`);
      expect(page).toContain("### O_DIRECT, 16 KiB, depth 8");
      expect(page).toContain("(depth-8.svg)");
      expect(readdirSync(out).sort()).toEqual([
        "README.md",
        "depth-8.png",
        "depth-8.svg",
        "results.json",
      ]);
    }),
);

test("without fio, says so and measures the others", { timeout: TIMEOUT_MS }, () =>
  withWorkFolder("ringpost-article-test-", async (folder) => {
    const args = ["--cells", "buffered/32k/16", "--contenders", "ringpost,fio-psync"];
    const { status, stdout, out } = run(folder, args, { PATH: "" });
    expect(status).toBe(0);
    expect(stdout).toContain("Left out: fio psync: fio is not on the PATH");
    expect(readFileSync(join(out, "README.md"), "utf8")).toContain("- no fio");
    expect(readFileSync(join(out, "README.md"), "utf8")).not.toContain("fio io_uring at least");
  }),
);

test(
  "unknown cells and contenders are refused, and the known ones named",
  {
    timeout: TIMEOUT_MS,
  },
  () =>
    withWorkFolder("ringpost-article-test-", async (folder) => {
      const { status, stderr } = run(folder, ["--contenders", "nobody"]);
      expect(status).toBe(1);
      expect(stderr).toMatch(/Nobody is called nobody; there are ringpost, .*fio-io_uring, /);
    }),
);

test("every name can be chosen, alone", () => {
  for (const rival of rivals) expect(chooseRivals(shortName(rival.name))).toEqual([rival]);
  expect(chooseRivals("ringpost,fio-libaio")).toHaveLength(2);
});
