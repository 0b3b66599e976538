// Checks the style of everything: Biome for TypeScript, JavaScript and JSON, clang-format for C++.
// With --fix, repairs what can be repaired. Exports its steps for scripts/test.mjs.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

export function checkBiome({ fix = false } = {}) {
  return run("biome", ["check", ...(fix ? ["--write"] : []), "--error-on-warnings"]);
}

export function checkClangFormat({ fix = false } = {}) {
  const files = ["native/bench", "native/src", "native/test"].flatMap(cppFiles);
  if (files.length === 0) return true;
  return run("clang-format", [...(fix ? ["-i"] : ["--dry-run", "-Werror"]), ...files]);
}

function cppFiles(folder) {
  return readdirSync(resolve(root, folder), { recursive: true })
    .filter((name) => /\.(cc|h)$/.test(name))
    .map((name) => join(folder, name))
    .sort();
}

function run(tool, args) {
  const path = resolve(root, "node_modules/.bin", tool);
  return spawnSync(path, args, { cwd: root, stdio: "inherit" }).status === 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fix = process.argv.includes("--fix");
  const results = [checkBiome({ fix }), checkClangFormat({ fix })];
  process.exitCode = results.every(Boolean) ? 0 : 1;
}
