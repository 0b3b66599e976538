/** What node:fs takes for the default was refused, or taken at its word: an empty encoding, and a flag of 0 for a write. */
import fs from "node:fs/promises";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { useTempDir } from "../support/temp-dir.js";

const running = useEngine();
const dir = useTempDir();

const empty: readonly unknown[] = ["", 0, false, Number.NaN, 0n, null, undefined];
const optionsOf = (name: string): [shown: string, options: never][] =>
  empty.map((value) => [inspect(value), { [name]: value } as never]);

describe.each(["encoding", "flag"])("an empty %s", (name) => {
  it.each(optionsOf(name))("(%s) reads a file as node:fs does", async (_, options) => {
    const path = dir().file("text");
    expect(await running.client.readFile(path, options)).toEqual(await fs.readFile(path, options));
  });

  it.each(optionsOf(name))("(%s) writes a file as node:fs does", async (_, options) => {
    const [mine, nodes] = [dir().file("longer than that"), dir().file("longer than that")];
    await running.client.writeFile(mine, "grün", options);
    await fs.writeFile(nodes, "grün", options);
    expect(await fs.readFile(mine, "utf8")).toBe(await fs.readFile(nodes, "utf8"));
    expect(await fs.readFile(mine, "utf8")).toBe("grün");
  });
});

it("an empty text is no encoding, in the place of the options", async () => {
  const path = dir().file("text");
  const none = "" as BufferEncoding;
  expect(await running.client.readFile(path, none)).toEqual(Buffer.from("text"));
  await running.client.writeFile(path, "grün", none);
  expect(await fs.readFile(path, "utf8")).toBe("grün");
});
