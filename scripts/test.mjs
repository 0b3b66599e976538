// Runs every check of the repository, one after the other, whatever the earlier ones said, and ends with
// one line that sums them up. The C++ tests are compiled beside the others. Expects scripts/setup.mjs to have run.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { checkBiome, checkClangFormat } from "./lint.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const COUNTS = /^(\d+) passed, (\d+) failed, (\d+) skipped$/gm;
const FAILED_TEST =
  /^(FAILED .*|\S+:\d+: in .*|.*(Address|Thread)Sanitizer: .*|.*: runtime error: .*)$/gm;
const SKIP_REASON = /^[ \t]*skip.*$/gim;

const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const skips = [];

// In the time that the others leave: tests have deadlines, and a compiler has none. What it says, make says again.
const compiled = run("nice", ["-n", "10", "make", "-C", "native/test", "-k", "-j2", "build"]);

for (const [title, step] of [
  ["Style: Biome", () => asOneTest(checkBiome())],
  ["Style: clang-format", () => asOneTest(checkClangFormat())],
  [
    "Types of the tests",
    () => asOneTest(["test", "test/pools"].every((at) => tool("tsc", ["-p", at]))),
  ],
  ["Vitest", runVitest],
  ["C++ tests: plain, ASan + UBSan, TSan", runNativeTests],
]) {
  process.stdout.write(`\n== ${title}\n`);
  const counts = await step();
  if (counts.failed > 0) failures.push(`${title}: ${counts.failed} failed`);
  for (const key of Object.keys(total)) total[key] += counts[key];
}

writeList(`Skipped on Linux ${release()}`, [...new Set(skips)]);
writeList("Failed", failures);
process.stdout.write(`\n${summary(total)}\n`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

/** What a reader of a long log looks for stands at its end once more. */
function writeList(title, lines) {
  if (lines.length > 0) process.stdout.write(`\n== ${title}\n${lines.join("\n")}\n`);
}

function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function asOneTest(isGood) {
  process.stdout.write(isGood ? "ok\n" : "FAILED\n");
  return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
}

function tool(name, args) {
  const path = resolve(root, "node_modules/.bin", name);
  return spawnSync(path, args, { cwd: root, stdio: "inherit" }).status === 0;
}

async function runNativeTests() {
  await compiled;
  const make = ["--no-print-directory", "-C", "native/test", "check"];
  const { code, output } = await run("make", make, { show });
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, skipped] of output.matchAll(COUNTS)) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
    counts.skipped += Number(skipped);
  }
  skips.push(...(output.match(SKIP_REASON) ?? []));
  failures.push(...(output.match(FAILED_TEST) ?? []));
  process.stdout.write(`all C++ tests: ${summary(counts)}\n`);
  return orOneFailure(counts, code);
}

async function runVitest() {
  const folder = mkdtempSync(join(tmpdir(), "ringpost-vitest-"));
  const countsPath = join(folder, "counts.json");
  try {
    const vitest = resolve(root, "node_modules/.bin/vitest");
    const reporters = ["--reporter=default", "--reporter=./scripts/vitest-counts.mjs"];
    const env = { ...process.env, RINGPOST_VITEST_COUNTS: countsPath };
    const { code } = await run(vitest, ["run", ...reporters], { env, show });
    const { skips: skipped, failures: failed, ...counts } = readCounts(countsPath);
    skips.push(...skipped);
    failures.push(...failed);
    return orOneFailure(counts, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What scripts/vitest-counts.mjs wrote; nothing if Vitest died before its end. */
function readCounts(path) {
  if (!existsSync(path)) return { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] };
  return JSON.parse(readFileSync(path, "utf8"));
}

/** A step that ended badly without saying so, or that ran nothing, has failed. */
function orOneFailure(counts, code) {
  const ranNothing = counts.passed + counts.failed + counts.skipped === 0;
  if (ranNothing) process.stdout.write("FAILED: nothing ran\n");
  if (ranNothing || (code !== 0 && counts.failed === 0)) counts.failed += 1;
  return counts;
}

function show(chunk) {
  process.stdout.write(chunk);
}

/** Runs a program, gives its output (both streams) to `show` while it comes, and keeps a copy. */
function run(program, args, { env = process.env, show = () => undefined } = {}) {
  return new Promise((done) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    const chunks = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        chunks.push(chunk);
        show(chunk);
      });
    }
    child.on("error", (error) => chunks.push(Buffer.from(`${error.message}\n`)));
    child.on("close", (code) =>
      done({ code: code ?? 1, output: Buffer.concat(chunks).toString() }),
    );
  });
}
