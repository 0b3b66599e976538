/** Positions that a read or write can be given. */
import type { Position } from "ringpost";

const GIB = 2 ** 30;

/** Those that mean "where the descriptor stands". */
export const currentPositions: readonly (readonly [
  title: string,
  position: Position | undefined,
])[] = [
  ["null", null],
  ["undefined", undefined],
  ["-1", -1],
  ["-1n", -1n],
];

/** Around the places at which an offset of 31 or 32 bits would go wrong, and beyond. */
export const farPositions: readonly number[] = [
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  4 * GIB + 5,
  40 * GIB + 123,
];
