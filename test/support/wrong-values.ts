/** Values that are wrong as this or that argument: of another type, or out of range. */
import { inspect } from "node:util";

class Something {}

/** Of three elements, the second of which isn't there: neither every() nor map() looks at it. */
function withHole(): unknown[] {
  const list: unknown[] = [Buffer.alloc(1)];
  list[2] = Buffer.alloc(1);
  return list;
}

const wrongTypes: readonly unknown[] = [
  ...[true, 1n, -(2n ** 70n), Symbol("s"), {}, [], [1], new Something(), Object.create(null)],
  ...[new Map(), new Date(0), () => 0, function named() {}, class Named {}, /x/],
];
const wrongNumbers = [1.5, -0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const longText = "a text that is longer than what a message shows of it, and so is cut";

export const wrongFds: readonly unknown[] = [
  ...[undefined, null, "0", longText, ...wrongTypes, ...wrongNumbers],
  ...[-1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 40, -(2 ** 33), Number.MAX_SAFE_INTEGER],
];
export const wrongPaths: readonly unknown[] = [
  ...[
    undefined,
    null,
    ...wrongTypes,
    new Uint16Array(2),
    new ArrayBuffer(8),
    new DataView(new ArrayBuffer(1)),
  ],
  ...["a\0b", "\0", `${longText.repeat(3)}\0`, Buffer.from("a\0b"), new Uint8Array(2)],
  ...["http://host/x", "file://host/x", "file:///a%2Fb", "file:///a%2fb"].map(
    (url) => new URL(url),
  ),
  ...[new URL("file:///a%00b"), new URL("data:,x")],
];
export const wrongFlags: readonly unknown[] = [
  ...["", "rw", "R", "r ", "w++", "toString", longText.repeat(3)],
  ...[...wrongTypes, ...wrongNumbers, 2 ** 31, -(2 ** 31) - 1],
];
export const wrongModes: readonly unknown[] = [
  ...["", "8", "0o777", "rwx", "-1", " 7", "7 ", "77777777777777", "40000000000"],
  ...[...wrongTypes, ...wrongNumbers, -1, 2 ** 32],
];
export const wrongBuffers: readonly unknown[] = [
  ...[undefined, null, longText, 5, ...wrongTypes],
  ...[new ArrayBuffer(8), new SharedArrayBuffer(8), [Buffer.alloc(1)]],
];
export const wrongBufferLists: readonly unknown[] = [
  ...[undefined, null, longText, 5, ...wrongTypes.filter((value) => inspect(value) !== "[]")],
  ...[Buffer.alloc(1), [Buffer.alloc(1), "x"], [null], [[]], [new ArrayBuffer(1)]],
  withHole(),
];
export const wrongPositions: readonly unknown[] = [
  ...["0", true, [], {}, Symbol("s"), () => 0, ...wrongNumbers],
  ...[-2, 2 ** 53, -(2 ** 53)],
];
/** Of these, each version of node:fs says another range; and Node.js 20 takes all negative ones for the current position. */
export const bigPositions: readonly bigint[] = [-2n, -(2n ** 63n), 2n ** 63n, 2n ** 64n];
export const wrongData: readonly unknown[] = [
  undefined,
  null,
  5,
  true,
  1n,
  Symbol("s"),
  {},
  () => 0,
  new Date(0),
  new ArrayBuffer(1),
];
export const wrongEncodings: readonly unknown[] = [
  "nope",
  "utf-9",
  5,
  true,
  {},
  [],
  Symbol("s"),
  () => 0,
  1n,
];
export const wrongOptions: readonly unknown[] = [5, true, 1n, Symbol("s")];
export const wrongSwitches: readonly unknown[] = ["yes", 1, 0, {}, [], 1n];
