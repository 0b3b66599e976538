/** node:fs takes bytes and URLs by what they are like; a path made in a node:vm context was a wrong argument here. */
import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

const running = useEngine();
const dir = useTempDir();

it("a path may be bytes, or like a URL, of another realm", async () => {
  const path = dir().file("text");
  const bytes = runInNewContext("Uint8Array.from(bytes)", { bytes: [...Buffer.from(path)] });
  expect(bytes).not.toBeInstanceOf(Uint8Array);
  const { href, protocol, hostname, pathname } = pathToFileURL(path);
  const likeUrl = { href, protocol, hostname, pathname } as URL;
  for (const form of [bytes, likeUrl]) {
    expect(String(await running.client.readFile(form))).toBe("text");
  }
});

it("but no object of url.parse, and none that merely has a path", async () => {
  for (const form of [
    { ...{ href: "file:///a", protocol: "file:" }, path: "/a" },
    { path: "/a" },
  ]) {
    expect(await failureOf(() => running.client.readFile(form as unknown as URL))).toMatchObject({
      code: "ERR_INVALID_ARG_TYPE",
    });
  }
});
