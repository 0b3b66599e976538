import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

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
