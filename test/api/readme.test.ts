import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TempDir } from "../support/temp-dir.js";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

it("README's first program runs as it stands", () => {
  const program = /```js\n(import \{ Engine \}[\s\S]*?)```/.exec(readme)?.[1];
  expect(program).toBeDefined();
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program ?? ""], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    encoding: "utf8",
    timeout: 20_000,
  });
  expect(output).toMatch(/^package\.json \d+ bytes\n/);
  expect(output).toMatch(/\/proc\/self\/status \d{3,} bytes\n$/);
});

describe("README's pool", () => {
  // Where the packages are found that a user has installed.
  const modules = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));
  let dir: TempDir;
  beforeEach(() => {
    mkdirSync(modules, { recursive: true });
    dir = new TempDir(modules);
    dir.file('{ "type": "module" }', "package.json");
    for (const name of ["main.js", "task.js"]) {
      const text = new RegExp(`\`\`\`js\\n(// ${name}\\nimport [\\s\\S]*?)\`\`\``).exec(
        readme,
      )?.[1];
      expect(text, name).toBeDefined();
      dir.file(text ?? "", name);
    }
  });
  afterEach(() => dir.remove());

  const run = (): string =>
    execFileSync(process.execPath, [dir.at("main.js")], { encoding: "utf8", timeout: 20_000 });

  it("runs as it stands", () => {
    expect(run()).toMatch(/^\d{3,}\n$/);
  });

  it("runs as well on tinypool, and with a task in CommonJS, as it says", () => {
    const main = readFileSync(dir.at("main.js"), "utf8");
    dir.file(
      main
        .replaceAll("Piscina", "Tinypool")
        .replaceAll('"piscina"', '"tinypool"')
        .replace("close", "destroy")
        .replace("task.js", "task.cjs"),
      "main.js",
    );
    const task = readFileSync(dir.at("task.js"), "utf8");
    const inCommonJs = task
      .replace(/^import .*\n/m, "")
      .replace("export default", "module.exports =")
      .replace("await workerClient", 'await (await import("ringpost/piscina")).workerClient');
    dir.file(inCommonJs, "task.cjs");
    expect(run()).toMatch(/^\d{3,}\n$/);
  });
});
