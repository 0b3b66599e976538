/**
 * Makes one file of a worker's program and of all that it imports, as users do with theirs: of the time that a worker takes to start,
 * two thirds go into loading ringpost's modules one by one.
 */
import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

/** Resolves to the path of the bundle of `fixtures/<fixture>.mjs`; each process of tests makes its own. */
export async function bundleWorker(fixture: string): Promise<string> {
  const input = fileURLToPath(new URL(`fixtures/${fixture}.mjs`, import.meta.url));
  // One folder below native/, as native/dist is: the addon is found from there.
  const place = new URL(`../../native/build-test/${fixture}-${process.pid}.mjs`, import.meta.url);
  const file = fileURLToPath(place);
  mkdirSync(dirname(file), { recursive: true });
  await build({ input, platform: "node", logLevel: "warn", output: { file } });
  process.once("exit", () => rmSync(file, { force: true }));
  return file;
}
