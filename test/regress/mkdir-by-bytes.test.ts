/** A recursive mkdir decoded paths that are no UTF-8, and made directories of other names. */
import fs from "node:fs";
import nodeFs from "node:fs/promises";
import { expect, it } from "vitest";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const wrongUtf8 = Buffer.from([0xff, 0x2d, 0xe2, 0x82]);

const at = (root: string, ...names: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat([
    Buffer.from(root),
    ...names.flatMap((name) => [Buffer.from("/"), Buffer.from(name)]),
  ]);

const namesIn = (path: string | Buffer): Buffer[] => fs.readdirSync(path, { encoding: "buffer" });

describeOnEngineSetups((running) => {
  it("makes the directories of the very bytes, as node:fs", async () => {
    const [mine, nodes] = [dir().fresh(), dir().fresh()];
    for (const root of [mine, nodes]) fs.mkdirSync(root);
    for (const below of [
      [wrongUtf8, "größe"],
      [wrongUtf8, "größe"],
      [wrongUtf8, wrongUtf8],
    ]) {
      const made = await running.client.mkdir(at(mine, ...below), { recursive: true });
      const nodesMade = await nodeFs.mkdir(at(nodes, ...below), { recursive: true });
      expect(made).toBe(nodesMade?.replace(nodes, mine));
    }
    expect(namesIn(mine)).toEqual([wrongUtf8]);
    expect(namesIn(at(mine, wrongUtf8))).toEqual(namesIn(at(nodes, wrongUtf8)));
  });

  it("takes text as before", async () => {
    const path = dir().fresh();
    const made = await running.client.mkdir(`${path}-größe/日本`, { recursive: true });
    expect(made).toBe(`${path}-größe`);
    expect(fs.statSync(`${path}-größe/日本`).isDirectory()).toBe(true);
    const file = `${path}-größe/file`;
    fs.writeFileSync(file, "");
    const failure = await failureOf(() => running.client.mkdir(file, { recursive: true }));
    expect(failure).toMatchObject({ code: "EEXIST", path: file });
  });
});
