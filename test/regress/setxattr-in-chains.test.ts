/** A chain's setxattr awaited a promise that never settles: each left its value, and all that it had, behind for ever. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { useTempDir } from "../support/temp-dir.js";

const running = useEngine();
const dir = useTempDir();

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function setInChain(path: string): Promise<WeakRef<Uint8Array>> {
  const value = Buffer.from("value");
  await running.client.chain().setxattr(path, "user.chain", value).nop().run();
  return new WeakRef(value);
}

it("a value is let go of when its chain is done", async () => {
  const path = dir().file("x");
  const values: WeakRef<Uint8Array>[] = [];
  for (let nth = 0; nth < 20; nth++) values.push(await setInChain(path));
  await new Promise((resolve) => setImmediate(resolve)); // a WeakRef holds what it is made of until the turn's end
  collectGarbage();
  const kept = values.filter((value) => value.deref() !== undefined);
  expect(kept.length).toBeLessThanOrEqual(1); // the last one may lie on the stack
});

it("has no result in a chain, as alone", async () => {
  const path = dir().file("x");
  expect(await running.client.chain().setxattr(path, "user.chain", "1").run()).toEqual([undefined]);
  expect(await running.client.setxattr(path, "user.chain", "2")).toBeUndefined();
});
