/**
 * A switch that was no boolean, or misspelt, counted as off: openat2 opened what it was to refuse, a chain didn't wait, and a rename
 * replaced what it was to keep. Other values counted as on: two files were swapped.
 */
import fs from "node:fs";
import type { Openat2Options } from "ringpost";
import { expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";
import { wrongSwitches } from "../support/wrong-values.js";

const running = useEngine();
const dir = useTempDir();

type Resolve = NonNullable<Openat2Options["resolve"]>;
const names = ["beneath", "inRoot", "noSymlinks", "noMagicLinks", "noXdev", "cached"] as const;

const failureWith = (resolve: object) =>
  failureOf(() => running.client.openat2(dir().file("x"), { resolve: resolve as Resolve }));

it.each(names)("openat2's %s is a boolean", async (name) => {
  for (const value of [...wrongSwitches, null]) {
    const failure = await failureWith({ [name]: value });
    expect(failure).toMatchObject({ class: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
    expect(failure.message).toContain(
      `The "options.resolve.${name}" property must be of type boolean. Received`,
    );
  }
});

it("openat2 refuses what it doesn't know", async () => {
  for (const name of ["beneth", "toString", "in_root"]) {
    expect(await failureWith({ beneath: true, [name]: true })).toMatchObject({
      ...{ class: "TypeError", code: "ERR_INVALID_ARG_VALUE" },
      message: expect.stringContaining(
        `The property 'options.resolve.${name}' is none of noXdev, `,
      ),
    });
  }
  expect(await failureWith(["beneath"])).toMatchObject({ code: "ERR_INVALID_ARG_TYPE" });
});

it("openat2 takes what is off, undefined, or inherited", async () => {
  const path = dir().file("x");
  const off: Resolve = Object.fromEntries(names.map((name) => [name, false]));
  const nothing = Object.fromEntries(names.map((name) => [name, undefined]));
  for (const resolve of [{}, off, nothing as Resolve])
    fs.closeSync(await running.client.openat2(path, { resolve }));
  class Beneath {
    get beneath(): boolean {
      return true;
    }
  }
  expect(await failureWith(new Beneath())).toMatchObject({ code: "EXDEV" });
});

it("a chain's drain is a boolean", async () => {
  const path = dir().file("x");
  for (const value of [...wrongSwitches, null]) {
    const chain = running.client.chain({ drain: value as boolean }).unlink(path);
    expect(await failureOf(() => chain.run())).toMatchObject({
      ...{ class: "TypeError", code: "ERR_INVALID_ARG_TYPE" },
      message: expect.stringMatching(/^The "options.drain" property must be of type boolean/),
    });
  }
  expect(fs.existsSync(path)).toBe(true);
  const off = [undefined, { drain: false }, { drain: undefined as never }, null as never];
  for (const options of off) await running.client.chain(options).nop().run();
});

it("a rename's are booleans", async () => {
  const [from, to] = [dir().file("a"), dir().file("b")];
  for (const name of ["noReplace", "exchange"]) {
    for (const value of [...wrongSwitches, null]) {
      const options = { [name]: value } as object;
      expect(await failureOf(() => running.client.rename(from, to, options))).toMatchObject({
        ...{ class: "TypeError", code: "ERR_INVALID_ARG_TYPE" },
        message: expect.stringContaining(`The "options.${name}" property must be of type boolean.`),
      });
    }
  }
  expect([from, to].map((path) => fs.readFileSync(path, "utf8"))).toEqual(["a", "b"]);
  const off = { noReplace: undefined, exchange: false } as object;
  await running.client.rename(from, to, off);
  expect(fs.readFileSync(to, "utf8")).toBe("a");
});

it("what a rename's options throw, its promise rejects with", async () => {
  const options = {
    get noReplace(): boolean {
      throw new RangeError("not now");
    },
  };
  const renamed = running.client.rename(dir().file("a"), dir().fresh(), options);
  await expect(renamed).rejects.toThrow("not now");
});
