import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const SETUP = fileURLToPath(new URL("../../scripts/setup.mjs", import.meta.url));
const TOOLS = ["g++", "make", "python3"];

const CURES =
  "on Debian or Ubuntu `apt-get install g++ make python3`, " +
  "on Fedora `dnf install gcc-c++ make python3`, " +
  "on Alpine `apk add g++ make python3 linux-headers`.\n";

let path: string;

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "ringpost-path-"));
});
afterEach(() => {
  rmSync(path, { recursive: true, force: true });
});

/** Runs the set-up with nothing on its PATH but these. */
function setUpWith(tools: readonly string[]): { code: number | null; stderr: string } {
  for (const tool of tools) {
    const where = execFileSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" });
    symlinkSync(where.trim(), join(path, tool));
  }
  const { status, stderr } = spawnSync(process.execPath, [SETUP], {
    env: { PATH: path },
    encoding: "utf8",
    timeout: 20_000,
  });
  return { code: status, stderr };
}

describe("the set-up says in one sentence what is missing, and how to get it", () => {
  it.each([
    ["g++", "a C++20 compiler"],
    ["make", "make"],
    ["python3", "python3"],
  ])("without %s", (tool, name) => {
    const present = TOOLS.filter((other) => other !== tool);
    expect(setUpWith(present)).toEqual({
      code: 1,
      stderr: `Building ringpost needs ${name}, not found here: ${CURES}`,
    });
  });

  it("without any of them", () => {
    expect(setUpWith([])).toEqual({
      code: 1,
      stderr: `Building ringpost needs a C++20 compiler, make, and python3, not found here: ${CURES}`,
    });
  });
});
