// Runs the Vitest suites on other versions of Node: the addon is built once, and Node-API promises that it runs on all of them.
// Usage: node scripts/test-nodes.mjs [version …] [-- vitest arguments]. Versions default to 22, 24 and 26.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const separator = process.argv.indexOf("--");
const given = process.argv.slice(2, separator < 0 ? undefined : separator);
const vitestArguments = separator < 0 ? [] : process.argv.slice(separator + 1);
const versions = given.length > 0 ? given : ["22", "24", "26"];

const results = versions.map((version) => [version, testOn(version)]);
for (const [version, passed] of results) {
  process.stdout.write(`Node ${version}: ${passed ? "passed" : "FAILED"}\n`);
}
process.exitCode = results.every(([, passed]) => passed) ? 0 : 1;

function testOn(version) {
  const node = installNode(version);
  if (node === undefined) return false;
  const vitest = resolve(root, "node_modules/vitest/vitest.mjs");
  process.stdout.write(`\n== Node ${version}\n`);
  const run = spawnSync(node, [vitest, "run", ...vitestArguments], { cwd: root, stdio: "inherit" });
  return run.status === 0;
}

/** npm's package `node` carries a Node binary. Kept in a folder that git ignores. */
function installNode(version) {
  const folder = resolve(root, ".nodes", version);
  const binary = resolve(folder, "node_modules/node/bin/node");
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(resolve(folder, "package.json"), '{ "private": true }\n');
  const install = ["install", `node@${version}`, "--no-audit", "--no-fund", "--loglevel=error"];
  spawnSync("npm", install, { cwd: folder, stdio: "inherit" });
  return existsSync(binary) ? binary : undefined;
}
