/** What users can import, and call. A change here is a change of the public surface: it belongs into CHANGELOG.md. */
import { readFileSync } from "node:fs";
import * as ringpost from "ringpost";
import { Client, Engine } from "ringpost";
import * as pools from "ringpost/piscina";
import { expect, it } from "vitest";

// Node.js 20 describes its own Symbol.asyncDispose otherwise than newer ones.
const ownMethodsOf = (prototype: object): string[] =>
  Reflect.ownKeys(prototype).map((key) => String(key).replace("(nodejs.", "(Symbol."));

/** With what it inherits. */
function methodsOf(prototype: object): string[] {
  const methods = new Set<string>();
  for (let at = prototype; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const method of ownMethodsOf(at)) methods.add(method);
  }
  return [...methods].sort();
}

it("ringpost exports these values", () => {
  expect(Object.keys(ringpost).sort()).toEqual([
    "Client",
    "Engine",
    "connect",
    "opened",
    "openedBy",
    "percentile",
  ]);
});

it("ringpost/piscina exports these values", () => {
  expect(Object.keys(pools).sort()).toEqual(["withEngine", "workerClient"]);
});

it("ringpost exports these types besides", () => {
  const types = new URL(import.meta.resolve("ringpost")).pathname.replace(/\.js$/, ".d.ts");
  const exported = [...readFileSync(types, "utf8").matchAll(/\btype (\w+)/g)].map(
    ([, name]) => name,
  );
  expect(exported.sort()).toEqual([
    ...[
      "BufferView",
      "Chain",
      "ChainError",
      "ChainFd",
      "ChainOptions",
      "ChainOutcome",
      "ChildIdType",
      "ChildState",
      "ClientShare",
    ],
    ...["ClientStats", "CloseOptions", "EngineHandle", "EngineOptions"],
    ...[
      "EngineReport",
      "EngineStats",
      "HistogramBucket",
      "Lease",
      "MkdirOptions",
      "Openat2Options",
      "OpenedFile",
      "PathLike",
      "PollStream",
      "Position",
      "ReadFileOptions",
      "ReadWriteOptions",
      "Reason",
      "RenameOptions",
      "RequestEvent",
      "RequestOptions",
      "RequestStats",
      "RingReport",
    ],
    ...[
      "SetxattrOptions",
      "StatOptions",
      "Statx",
      "StatxOptions",
      "TransferOptions",
      "UnavailableError",
      "WaitidOptions",
      "WriteFileOptions",
    ],
  ]);
});

it("a client has these methods", () => {
  expect(methodsOf(Client.prototype)).toEqual([
    ...[
      "Symbol(Symbol.asyncDispose)",
      "backend",
      "cancel",
      "cancelAll",
      "chain",
      "close",
      "constructor",
      "disconnect",
      "drain",
    ],
    ...[
      "fadvise",
      "fallocate",
      "fdatasync",
      "fsync",
      "ftruncate",
      "futexWait",
      "futexWake",
      "getxattr",
      "lease",
      "link",
      "lstat",
    ],
    ...[
      "madvise",
      "mkdir",
      "nop",
      "open",
      "openat2",
      "pipe",
      "poll",
      "pollEvents",
      "read",
      "readFile",
      "readv",
      "rename",
      "rmdir",
      "setxattr",
      "splice",
      "stat",
      "statx",
      "submit",
    ],
    ...[
      "symlink",
      "syncFileRange",
      "tee",
      "timeout",
      "truncate",
      "unlink",
      "waitid",
      "write",
      "writeFile",
      "writev",
    ],
  ]);
});

it("an engine has these methods and properties", async () => {
  expect(methodsOf(Engine.prototype)).toEqual([
    ...[
      "Symbol(Symbol.asyncDispose)",
      "close",
      "constructor",
      "handle",
      "kernelWorkers",
      "stats",
      "supports",
    ],
  ]);
  const engine = await Engine.start();
  expect(Object.keys(engine).sort()).toEqual(["client", "report", "worker"]);
  expect(engine.client.backend).toBe("io_uring");
  await engine.close();
});

it("a handle is plain data, for any thread", async () => {
  const engine = await Engine.start();
  const copy = structuredClone(engine.handle());
  expect(Object.keys(copy).sort()).toEqual([
    "credits",
    "engine",
    "hotReads",
    "memory",
    "otherRings",
    "queueLimit",
    "ringpost",
    "submit",
    "weight",
  ]);
  const client = await ringpost.connect(copy);
  await client.nop();
  await engine.close();
});
