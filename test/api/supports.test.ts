/** Operations that the kernel lacks: said beforehand by `supports`, and by the error of whoever asks all the same. */
import { operations, ringOperations } from "@ringpost/protocol";
import { Engine } from "ringpost";
import { expect, it } from "vitest";
import { Feature } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();

/** On a kernel whose io_uring lacks all that these operations submit. */
function startWithout(...names: (keyof typeof operations)[]): Promise<Engine> {
  const withoutOperations = names.flatMap((name) =>
    operations[name].submits.map((submitted) => ringOperations[submitted]),
  );
  return Engine.start({ testing: { withoutOperations } });
}

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

it("says no to what is missing, which a system call carries out", async () => {
  await using engine = await startWithout("ftruncate", "mkdir", "stat");
  for (const method of ["ftruncate", "truncate", "mkdir", "stat", "lstat", "statx"]) {
    expect(engine.supports(method)).toBe(false);
  }
  expect(engine.supports("rmdir")).toBe(true);
  const path = dir().fresh();
  await engine.client.mkdir(path);
  expect((await engine.client.stat(path)).isDirectory()).toBe(true);
  expect(engine.stats().plainCalls).toBe(2);
  expect(await failureOf(() => engine.client.mkdir(path))).toMatchObject({
    message: `EEXIST: file already exists, mkdir '${path}'`,
  });
  await engine.client.rmdir(path);
  expect(engine.stats().plainCalls).toBe(3);
});

it("says no to what is missing without a substitute, which rejects with ENOSYS and the kernel that has it", async () => {
  await using engine = await startWithout("splice", "open", "poll");
  for (const method of ["splice", "open", "poll"]) expect(engine.supports(method)).toBe(false);
  expect(await failureOf(() => engine.client.splice(0, null, 1, null, 5))).toMatchObject({
    ...{ code: "ENOSYS", syscall: "splice" },
    message: "ENOSYS: function not implemented, splice (it needs Linux 5.7)",
  });
  const path = dir().file("x");
  expect(await failureOf(() => engine.client.open(path))).toMatchObject({
    message: `ENOSYS: function not implemented, open '${path}' (it needs Linux 5.6)`,
  });
  expect((await failureOf(() => engine.client.poll(0, 1))).code).toBe("ENOSYS");
  expect(engine.stats().plainCalls).toBe(0);
});

it("has no system call for what waits", async () => {
  await using engine = await startWithout("timeout", "waitid", "futexWait", "pipe");
  const word = new Int32Array(new SharedArrayBuffer(4));
  const waits = {
    timeout: () => engine.client.timeout(1),
    waitid: () => engine.client.waitid("all", 0),
    futexWait: () => engine.client.futexWait(word, 0, 0),
  };
  for (const [method, wait] of Object.entries(waits)) {
    expect(engine.supports(method)).toBe(false);
    expect((await failureOf(wait)).message).toMatch(/^ENOSYS: .* \(it needs Linux \d\.\d\)$/);
  }
  expect(engine.stats().plainCalls).toBe(0);
  for (const fd of await engine.client.pipe()) await engine.client.close(fd);
  expect(engine.stats().plainCalls).toBe(1);
});

it("gives an advice for more than 4 GiB by a system call where the kernel may not have it", async () => {
  const testing = { withoutFeatures: Feature.MIN_TIMEOUT };
  await using engine = await Engine.start({ testing });
  const fd = await engine.client.open(dir().file("x"));
  for (const [length, calls] of [
    [4096, 0],
    [5 * 2 ** 30, 1],
  ] as const) {
    await engine.client.fadvise(fd, 0, length, 3);
    expect(engine.stats().plainCalls).toBe(calls);
  }
  await engine.client.close(fd);
});

it("needs no system call where the ring has it all", async () => {
  await using engine = await Engine.start();
  const path = dir().fresh();
  if (engine.supports("mkdir")) await engine.client.mkdir(path);
  expect(engine.stats().plainCalls).toBe(0);
});

it("refuses names that are no operation's", async () => {
  await using engine = await Engine.start();
  for (const name of ["", "fly", "drain", 7]) {
    expect(() => engine.supports(name as string)).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARG_VALUE" }),
    );
  }
});
