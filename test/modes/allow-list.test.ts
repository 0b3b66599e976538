/** `operations`: an engine that serves what it was started for, and whose ring the kernel keeps to that. */
import { Engine, type EngineOptions } from "ringpost";
import { describe, expect, it } from "vitest";
import { SetupFlag, useEngine, withPlainCalls } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const NOT_ALLOWED = "(it isn't in the engine's options.operations)";

describe("an engine that reads", () => {
  const running = useEngine({ operations: ["open", "read", "close"] });

  it("reads, into leases, too", async () => {
    const { client } = running;
    const fd = await client.open(dir().file("abc"));
    using lease = client.lease(4096);
    const plain = Buffer.alloc(8);
    expect(await client.read(fd, plain)).toBe(3);
    expect(await client.read(fd, lease.buffer, { position: 1 })).toBe(2);
    expect(lease.buffer.toString("latin1", 0, 2)).toBe("bc");
    await client.close(fd);
  });

  it("does nothing else", async () => {
    const { client } = running;
    const path = dir().file("x");
    const others: readonly (readonly [syscall: string, call: () => Promise<unknown>])[] = [
      ["unlink", () => client.unlink(path)],
      ["stat", () => client.stat(path)],
      ["read", () => client.readFile(path)],
      ["write", () => client.writeFile(path, "y")],
      ["poll", () => client.poll(0, 1)],
      ["mkdir", () => client.mkdir(dir().fresh())],
    ];
    for (const [syscall, call] of others) {
      const failure = await failureOf(call);
      expect(failure).toMatchObject({ code: "EACCES", syscall });
      expect(failure.message).toContain(NOT_ALLOWED);
    }
    expect((await failureOf(() => client.nop())).message).toBe(
      `EACCES: permission denied, nop ${NOT_ALLOWED}`,
    );
  });

  it("says so of chains, and of supports()", async () => {
    const path = dir().file("abc");
    const { client, engine } = running;
    const chain = client.chain().open(path).link().unlink(path);
    expect(await failureOf(() => chain.run())).toMatchObject({
      code: "EACCES",
      message: `EACCES: permission denied, unlink '${path}' ${NOT_ALLOWED} (step 1 of a chain of 2)`,
    });
    expect(engine.supports("read")).toBe(true);
    expect(engine.supports("readFile")).toBe(false);
    expect(engine.supports("stat")).toBe(false);
  });

  it("cancels, and keeps apart what the file's permissions refuse", async () => {
    running.client.cancelAll();
    const failure = await failureOf(() => running.client.open("/proc/1/mem", "wx"));
    expect(failure.message).not.toContain(NOT_ALLOWED);
  });
});

it("lets whole-file methods have what they are made of", async () => {
  await using engine = await Engine.start({ operations: ["readFile", "writeFile", "truncate"] });
  const path = dir().fresh();
  const data = "0123456789".repeat(20_000);
  await engine.client.writeFile(path, data, { flush: true });
  expect(await engine.client.readFile(path, "utf8")).toBe(data);
  await engine.client.truncate(path, 4);
  expect(await engine.client.readFile(path, "utf8")).toBe("0123");
});

it("serves, and says so, what is part of a method that it names", async () => {
  await using engine = await Engine.start({ operations: ["writeFile"] });
  for (const method of ["writeFile", "open", "write", "fsync", "close"]) {
    expect(engine.supports(method)).toBe(true);
  }
  await engine.client.close(await engine.client.open("/proc/self/status"));
  for (const method of ["read", "readFile", "fdatasync"]) {
    expect(engine.supports(method)).toBe(false);
  }
});

it("lets a recursive mkdir see what is there already", async () => {
  await using engine = await Engine.start({ operations: ["mkdir"] });
  const path = `${dir().fresh()}/a/b`;
  await engine.client.mkdir(path, { recursive: true });
  expect(await engine.client.mkdir(path, { recursive: true })).toBeUndefined();
});

it("binds what plain system calls carry out, too", async () => {
  await using engine = await Engine.start({
    operations: ["mkdir"],
    testing: { withoutOperations: withPlainCalls },
  });
  const path = dir().fresh();
  await engine.client.mkdir(path);
  const failure = await failureOf(() => engine.client.rmdir(path));
  expect(failure.message).toContain(NOT_ALLOWED);
  expect(engine.stats().plainCalls).toBe(1);
});

it("is known to the kernel, for the polled ring as well", async () => {
  await using engine = await Engine.start({ operations: ["read"], iopoll: true });
  expect(engine.report.setupFlags & SetupFlag.R_DISABLED).not.toBe(0);
  await using none = await Engine.start({ operations: [] });
  expect((await failureOf(() => none.client.nop())).code).toBe("EACCES");
});

it.each<[EngineOptions, string]>([
  [{ operations: "read" as unknown as string[] }, "ERR_INVALID_ARG_TYPE"],
  [{ operations: ["read", "fly"] }, "ERR_INVALID_ARG_VALUE"],
  [{ operations: [7 as unknown as string] }, "ERR_INVALID_ARG_VALUE"],
])("refuses %j", async (options, code) => {
  expect(await failureOf(() => Engine.start(options))).toMatchObject({ code });
});
