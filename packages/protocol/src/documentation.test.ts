import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { documentOperations } from "./documentation.js";

it("README's table of operations is the one of this package (npm run generate)", () => {
  const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
  expect(readme).toBe(documentOperations(readme));
});
