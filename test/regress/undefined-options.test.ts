/** With exactOptionalPropertyTypes an option that is undefined didn't compile, and a pool took it in the place of its default. */
import { readFileSync, statSync } from "node:fs";
import {
  type ChainOptions,
  type ClientShare,
  type CloseOptions,
  connect,
  Engine,
  type EngineOptions,
  type MkdirOptions,
  type Openat2Options,
  opened,
  type ReadFileOptions,
  type ReadWriteOptions,
  type RenameOptions,
  type RequestOptions,
  type SetxattrOptions,
  type StatOptions,
  type StatxOptions,
  type TransferOptions,
  type WaitidOptions,
  type WriteFileOptions,
} from "ringpost";
import { type PoolOptions, withEngine } from "ringpost/piscina";
import { expect, expectTypeOf, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

/** All of them there, and undefined. */
type Unset<Options> = { readonly [Name in keyof Options]-?: undefined };

const running = useEngine();
const dir = useTempDir();

const signal = undefined;
const timeoutMs = undefined;
const flags = undefined;
const mode = undefined;
const unset: Unset<ChainOptions> = { signal, timeoutMs, drain: undefined };

it("is the default, of every option of a client's methods", async () => {
  const { client } = running;
  const path = dir().file("text");
  const transfer = { signal, timeoutMs, position: undefined, flags };
  const part = { ...transfer, offset: undefined, length: undefined };
  const resolve = {
    ...{ beneath: undefined, inRoot: undefined, cached: undefined },
    ...{ noSymlinks: undefined, noMagicLinks: undefined, noXdev: undefined },
  };
  const file = { signal, timeoutMs, encoding: undefined, flag: undefined };
  await client.nop({ signal, timeoutMs });
  const fd = await client.openat2(path, {
    ...{ signal, timeoutMs, flags, mode, dirFd: undefined, resolve },
  });
  const buffer = Buffer.alloc(2);
  expect(await client.read(fd, buffer, part)).toBe(2);
  expect(await client.readv(fd, [buffer], transfer)).toBe(2);
  expect(buffer.toString()).toBe("xt"); // where the descriptor stood
  await client.close(fd);
  expect(await client.readFile(path, file)).toEqual(Buffer.from("text"));
  expect(await client.stat(path, { signal, timeoutMs, bigint: undefined })).toEqual(statSync(path));
  expect((await client.statx(path, { signal, timeoutMs, mask: undefined, flags })).size).toBe(4n);
  await client.writeFile(path, "grün", { ...file, mode, flush: undefined });
  expect(readFileSync(path, "utf8")).toBe("grün");
  const renamed = dir().fresh();
  await client.rename(path, renamed, {
    ...{ signal, timeoutMs, noReplace: undefined, exchange: undefined },
  });
  const folder = dir().fresh();
  const mkdir = { signal, timeoutMs, mode, recursive: undefined };
  await client.mkdir(folder, mkdir);
  expect((await failureOf(() => client.mkdir(folder, mkdir))).code).toBe("EEXIST");
});

it("is the default, of the options of a chain, a stream, a client and its close", async () => {
  const { client, engine } = running;
  const path = dir().file("text");
  const buffer = Buffer.alloc(4);
  const chain = client.chain(unset).open(path, flags, mode, { signal, timeoutMs });
  expect(await chain.read(opened, buffer).run()).toEqual([undefined, 4]);

  const share = { credits: undefined, weight: undefined };
  expect(engine.handle(share)).toEqual(engine.handle());
  const other = await connect(engine.handle(), share);
  const [readFd, writeFd] = await other.pipe(flags, { signal, timeoutMs });
  const events = other.pollEvents(writeFd, 4, { signal, timeoutMs });
  expect(await events.next()).toEqual({ done: false, value: 4 });
  await events.return();
  await Promise.all([other.close(readFd), other.close(writeFd)]);
  await other.disconnect({ graceMs: undefined });
});

it("is the default, of waitid and setxattr, which check the others of their options first", async () => {
  const { client } = running;
  const waitid = { signal, timeoutMs, states: undefined, reap: undefined };
  expect((await failureOf(() => client.waitid("pid", 2 ** 31 - 1, waitid))).code).toMatch(
    /^(ECHILD|ENOSYS)$/,
  );
  const setxattr = { signal, timeoutMs, flags };
  const missing = await failureOf(() => client.setxattr(dir().fresh(), "user.a", "b", setxattr));
  expect(missing.code).toBe("ENOENT");
});

it("is the default, of every option of an engine", async () => {
  const none: Unset<EngineOptions> = {
    ...{ backend: undefined, maxClients: undefined, rings: undefined, credits: undefined },
    ...{ weight: undefined, queueLimit: undefined, entries: undefined, operations: undefined },
    ...{ completionEntries: undefined, deferTaskrun: undefined, iopoll: undefined },
    ...{ sqpoll: undefined, kernelWorkers: undefined, minWait: undefined, wait: undefined },
    ...{ placement: undefined, submit: undefined, hotReads: undefined, testing: undefined },
  };
  await using plain = await Engine.start();
  await using engine = await Engine.start(none);
  const { ringpost, engine: _number, memory, ...handle } = engine.handle();
  const expected = plain.handle();
  expect(handle).toEqual({
    ...{ otherRings: [], queueLimit: expected.queueLimit, submit: expected.submit },
    ...{ hotReads: expected.hotReads, credits: expected.credits, weight: expected.weight },
  });
  expect(memory.byteLength).toBe(expected.memory.byteLength);
  const { setupFlags } = plain.report;
  expect(engine.report).toMatchObject({ setupFlags });
  await using limited = await Engine.start({
    kernelWorkers: { bounded: undefined, unbounded: undefined },
  });
  expect(limited.report.kernelWorkers).toEqual(plain.report.kernelWorkers);
});

it("leaves a pool its own default", () => {
  const none = {
    ...{ filename: undefined, minThreads: undefined, maxThreads: undefined },
    ...{ workerData: undefined, runtime: undefined },
  };
  const { engine } = running;
  expect(Object.keys(withEngine(engine, none))).toEqual(Object.keys(withEngine(engine, {})));
});

it("compiles, with exactOptionalPropertyTypes", () => {
  expectTypeOf<Unset<RequestOptions>>().toExtend<RequestOptions>();
  expectTypeOf<Unset<TransferOptions>>().toExtend<TransferOptions>();
  expectTypeOf<Unset<ReadWriteOptions>>().toExtend<ReadWriteOptions>();
  expectTypeOf<Unset<Openat2Options>>().toExtend<Openat2Options>();
  type Resolve = NonNullable<Openat2Options["resolve"]>;
  expectTypeOf<Unset<Resolve>>().toExtend<Resolve>();
  expectTypeOf<Unset<StatxOptions>>().toExtend<StatxOptions>();
  expectTypeOf<Unset<SetxattrOptions>>().toExtend<SetxattrOptions>();
  expectTypeOf<Unset<RenameOptions>>().toExtend<RenameOptions>();
  expectTypeOf<Unset<MkdirOptions>>().toExtend<MkdirOptions>();
  expectTypeOf<Unset<StatOptions>>().toExtend<StatOptions>();
  expectTypeOf<Unset<ReadFileOptions>>().toExtend<ReadFileOptions>();
  expectTypeOf<Unset<WriteFileOptions>>().toExtend<WriteFileOptions>();
  expectTypeOf<Unset<CloseOptions>>().toExtend<CloseOptions>();
  expectTypeOf<Unset<WaitidOptions>>().toExtend<WaitidOptions>();
  expectTypeOf<Unset<ChainOptions>>().toExtend<ChainOptions>();
  expectTypeOf<Unset<ClientShare>>().toExtend<ClientShare>();
  expectTypeOf<Unset<EngineOptions>>().toExtend<EngineOptions>();
  type Workers = NonNullable<EngineOptions["kernelWorkers"]>;
  expectTypeOf<Unset<Workers>>().toExtend<Workers>();
  type Sqpoll = Exclude<NonNullable<EngineOptions["sqpoll"]>, boolean>;
  expectTypeOf<Unset<Sqpoll>>().toExtend<Sqpoll>();
  expectTypeOf<Unset<PoolOptions>>().toExtend<PoolOptions>();
});
