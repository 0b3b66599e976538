/** Errors of our making against Node's own, for the same values. */
import fs from "node:fs";
import { describe, expect, it } from "vitest";
import {
  closedError,
  fileTooLarge,
  invalidArgType,
  invalidArgValue,
  operationError,
  outOfRange,
  queueFullError,
} from "../../packages/client/dist/node-errors.js";

interface Coded {
  readonly code?: unknown;
}

/** The error that a call of node:fs throws. */
function thrownBy(call: () => unknown): Error & Coded {
  try {
    call();
  } catch (error) {
    return error as Error; // node:fs throws nothing else
  }
  return expect.unreachable("node:fs took the value");
}

function expectSame(ours: Error & Coded, nodes: Error & Coded): void {
  expect({ name: ours.name, message: ours.message, code: ours.code }).toEqual({
    name: nodes.name,
    message: nodes.message,
    code: nodes.code,
  });
  expect(ours instanceof TypeError).toBe(nodes instanceof TypeError);
  expect(ours instanceof RangeError).toBe(nodes instanceof RangeError);
}

class Something {}
const anonymous = (
  () => () =>
    0
)();

const values: readonly unknown[] = [
  ...[undefined, null, true, false, "text", "", "it's", 'a "quoted" one', "line\nbreak", "\u0000"],
  ...["25 letters are the longest", "a text that is longer than what a message shows of it"],
  ...["x".repeat(24), "x".repeat(25), "x".repeat(26), "x".repeat(27), "x".repeat(500)],
  ...[1n, -5n, 2n ** 80n, Symbol("s"), Symbol(""), Symbol("a long description of a symbol")],
  ...[{}, { a: 1 }, [], [1, 2, 3], new Something(), Object.create(null), Object.create({ a: 1 })],
  ...[new Map([[1, 2]]), new Date(0), /x/g, new Error("e"), new Uint16Array(2)],
  ...[() => 0, anonymous, function named() {}, class Named {}, async () => undefined],
];

const view = Buffer.alloc(1);
/** Checked in JavaScript; readSync and others have C++ do it, which says less. */
const nodesRead = (fd: unknown, position: unknown = null): unknown =>
  fs.read(fd as number, view, 0, 1, position as number, () => undefined);

describe("invalidArgType", () => {
  it.each(values.map((value) => [value]))("of %o", (value) => {
    const ours = invalidArgType("fd", "of type number", value);
    expectSame(
      ours,
      thrownBy(() => nodesRead(value)),
    );
  });

  it.each([0, -0, 1.5, -7, 1e21, Number.NaN, Number.NEGATIVE_INFINITY])("of %d", (value) => {
    const ours = invalidArgType("path", "of type string or an instance of Buffer or URL", value);
    expectSame(
      ours,
      thrownBy(() => fs.openSync(value as unknown as string, "r")),
    );
  });

  it("calls what has a dot in its name a property", () => {
    const ours = invalidArgType("options.recursive", "of type boolean", 5);
    expectSame(
      ours,
      thrownBy(() => fs.rmSync(".", { recursive: 5 as unknown as boolean })),
    );
  });
});

describe("invalidArgValue", () => {
  it.each(values.slice(2).map((value) => [value]))("of %o", (value) => {
    const ours = invalidArgValue("flags", value);
    expectSame(
      ours,
      thrownBy(() => fs.openSync(".", value as string)),
    );
  });
});

describe("outOfRange", () => {
  const numbers = [
    ...[-1, -0.5, 1.5, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 1e10, 123_456_789_012, 1e15, 1e21],
    ...[-(2 ** 32), -(2 ** 32) - 1, -1e10, -1e21, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE],
    ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 4294967297.5],
  ];
  it.each(numbers)("of %d", (value) => {
    const range = Number.isInteger(value) ? ">= 0 && <= 2147483647" : "an integer";
    const nodes = thrownBy(() => nodesRead(value));
    expectSame(outOfRange("fd", range, value), nodes);
  });

  it.each([2n ** 63n, 2n ** 64n, 10n ** 30n])("of %d, a bigint", (value) => {
    const nodes = thrownBy(() => nodesRead(0, value));
    const range = /must be (.*)\. Received/.exec(nodes.message)![1]!;
    expectSame(outOfRange("position", range, value), nodes);
  });
});

describe("operationError", () => {
  const missing = "no/such – 欠";
  const calls: readonly (readonly [number, string, string | undefined, () => unknown])[] = [
    [-2, "open", missing, () => fs.openSync(missing, "r")],
    [-2, "stat", missing, () => fs.statSync(missing)],
    [-2, "lstat", "", () => fs.lstatSync("")],
    [-21, "open", ".", () => fs.openSync(".", "w")],
    [-20, "open", "/proc/version/x", () => fs.openSync("/proc/version/x", "r")],
    [-36, "open", "n".repeat(300), () => fs.openSync("n".repeat(300), "r")],
    [-9, "fstat", undefined, () => fs.fstatSync(0x7fff_ffff)],
    [-9, "read", undefined, () => fs.readSync(0x7fff_ffff, view)],
    [-9, "fsync", undefined, () => fs.fsyncSync(0x7fff_ffff)],
  ];
  it.each(calls)("%d of %s %s", (errno, syscall, path, nodes) => {
    const ours = operationError(errno, syscall, path);
    const expected = thrownBy(nodes);
    expectSame(ours, expected);
    expect({ ...ours }).toEqual({ ...expected });
  });

  it("of an errno that nobody knows still has a code", () => {
    const error = operationError(-9999, "read");
    expect(error).toMatchObject({ errno: -9999, syscall: "read" });
    expect(error.code).toMatch(/9999/);
  });
});

it("fileTooLarge is Node's", () => {
  const error = fileTooLarge(3_000_000_000);
  expect(error).toBeInstanceOf(RangeError);
  expect(error.code).toBe("ERR_FS_FILE_TOO_LARGE");
  expect(error.message).toBe("File size (3000000000) is greater than 2 GiB");
});

it("our own errors say what is the matter", () => {
  expect(closedError("client")).toMatchObject({
    code: "ERR_RINGPOST_CLOSED",
    message: "The ringpost client is closed",
  });
  expect(queueFullError(7, "open", "x")).toMatchObject({
    ...{ code: "EAGAIN", errno: -11, syscall: "open", path: "x" },
    message: expect.stringMatching(/^EAGAIN: resource temporarily unavailable, open 'x'.*7/),
  });
});
