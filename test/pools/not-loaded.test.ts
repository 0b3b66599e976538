import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { runProgram } from "../lifecycle/run-program.js";

it("ringpost and ringpost/piscina load no pool", async () => {
  const ending = await runProgram(new URL("fixtures/not-loaded.mjs", import.meta.url));
  expect(ending).toMatchObject({ code: 0, signal: null });
  expect(JSON.parse(ending.stdout)).toEqual({
    filename: "/task.js",
    piscina: "asked for piscina",
    tinypool: "asked for tinypool",
  });
});

it("ringpost brings no pool along: both are optional peers", () => {
  const path = fileURLToPath(new URL("../package.json", import.meta.resolve("ringpost")));
  const { dependencies, optionalDependencies, ...rest } = JSON.parse(readFileSync(path, "utf8"));
  expect(Object.keys(dependencies).filter((name) => !name.startsWith("@ringpost/"))).toEqual([]);
  expect(optionalDependencies).toBeUndefined();
  expect(rest.peerDependencies).toEqual({ piscina: "^5", tinypool: "^2" });
  const optional = { optional: true };
  expect(rest.peerDependenciesMeta).toEqual({ piscina: optional, tinypool: optional });
});
