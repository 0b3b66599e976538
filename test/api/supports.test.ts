/** Operations that the kernel lacks: said beforehand by `supports`, and by the error of whoever asks all the same. */
import { operations, ringOperations } from "@ringpost/protocol";
import { Engine, type EngineOptions } from "ringpost";
import { expect, it } from "vitest";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();

const { FTRUNCATE, MKDIRAT } = ringOperations;
const withoutSome = { testing: { withoutOperations: [FTRUNCATE, MKDIRAT] } } as EngineOptions;

it("says yes to all that this kernel has, by the methods' names", async () => {
  await using engine = await Engine.start();
  const methods = Object.values(operations).flatMap(({ call }) =>
    [...call.matchAll(/(\w+)\(/g)].map(([, method]) => method!),
  );
  expect(methods).toContain("lstat");
  const has = (name: keyof typeof ringOperations): boolean =>
    engine.report.operations.includes(ringOperations[name]);
  expect(engine.supports("ftruncate")).toBe(has("FTRUNCATE"));
  for (const method of methods) expect(typeof engine.supports(method)).toBe("boolean");
  expect(engine.supports("readFile")).toBe(true);
});

it("says no to what is missing, which rejects with ENOSYS and the kernel that has it", async () => {
  await using engine = await Engine.start(withoutSome);
  expect(engine.supports("ftruncate")).toBe(false);
  expect(engine.supports("truncate")).toBe(false);
  expect(engine.supports("mkdir")).toBe(false);
  expect(engine.supports("rmdir")).toBe(true);
  const path = dir().fresh();
  expect(await failureOf(() => engine.client.mkdir(path))).toMatchObject({
    code: "ENOSYS",
    syscall: "mkdir",
    path,
    message: `ENOSYS: function not implemented, mkdir '${path}' (it needs Linux 5.15)`,
  });
  expect((await failureOf(() => engine.client.ftruncate(0, 0))).message).toContain("Linux 6.9");
  expect((await failureOf(() => engine.client.truncate(dir().file("x")))).code).toBe("ENOSYS");
  await engine.client.nop();
});

it("refuses names that are no operation's", async () => {
  await using engine = await Engine.start();
  for (const name of ["", "fly", "drain", 7]) {
    expect(() => engine.supports(name as string)).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARG_VALUE" }),
    );
  }
});
