import { expect, test } from "vitest";
import { cells, cellTitle, chooseCells, toCell, toParameters } from "./cells.js";

test("there are 18 cells, and each goes to a child process and back", () => {
  expect(new Set(cells.map(cellTitle)).size).toBe(18);
  expect(cells.map((cell) => toCell(toParameters(cell)))).toEqual(cells);
});

test.each([
  ["direct", 9],
  ["buffered/1m", 3],
  ["16k/8", 2],
  ["direct/32k/32,buffered/32k/32,direct/32k", 4],
])("%s asks for %i of them", (list, count) => {
  expect(chooseCells(list)).toHaveLength(count);
});

test.each([
  ["64k", "64k is no part of a cell; there are direct, buffered, 16k"],
  ["", " is no part of a cell"],
  ["direct/buffered", "No cell is direct/buffered"],
])("%s is refused", (list, message) => {
  expect(() => chooseCells(list)).toThrow(message);
});

test("parameters of something else are no cell", () => {
  expect(() => toCell({ depth: 8 })).toThrow("no cell's");
});
