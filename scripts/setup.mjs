// Brings a clone into a state where everything is built. Does nothing, quickly, when nothing changed.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { checkPrerequisites } from "./prerequisites.mjs";
import { runQuietly } from "./run-quietly.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const stampPath = resolve(root, "node_modules/.ringpost-lock");

process.exitCode = await setUp();

async function setUp() {
  const { problem, compiler } = checkPrerequisites();
  if (problem) {
    process.stderr.write(`${problem}\n`);
    return 1;
  }
  return (await install()) || (await build(compiler));
}

/** `npm ci`, unless node_modules was made from this very lock file, on this kind of machine. */
async function install() {
  const stamp = lockStamp();
  if (readOrEmpty(stampPath) === stamp) return 0;
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const code = await runQuietly("installing dependencies", "npm", args, { cwd: root });
  if (code === 0) writeFileSync(stampPath, stamp);
  return code;
}

function build(compiler) {
  const env = {
    ...process.env,
    TURBO_TELEMETRY_DISABLED: "1",
    TURBO_NO_UPDATE_NOTIFIER: "1",
    DO_NOT_TRACK: "1",
  };
  // node-gyp's makefile would otherwise insist on g++.
  if (compiler !== "g++") env.CXX = compiler;
  const turbo = resolve(root, "node_modules/.bin/turbo");
  const args = ["run", "build", "--output-logs=errors-only"];
  return runQuietly("building", turbo, args, { cwd: root, env });
}

/** The hash of the lock file, and what decides which prebuilt binaries npm picks. */
function lockStamp() {
  const hash = createHash("sha256")
    .update(readFileSync(resolve(root, "package-lock.json")))
    .digest("hex");
  const libc = process.report.getReport().header.glibcVersionRuntime ? "glibc" : "musl";
  return `${hash} ${process.platform} ${process.arch} ${libc}\n`;
}

function readOrEmpty(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
