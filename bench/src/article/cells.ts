/** The cells of the experiment: block size, depth, and whether transfers go past the page cache. */
import type { Parameters } from "../trial.js";

export interface Cell {
  readonly blockBytes: number;
  /** Transfers in flight; or threads, of rivals that block. */
  readonly depth: number;
  readonly direct: boolean;
}

export const LARGE_BLOCK_BYTES: number = 1 << 20;
export const DEPTHS: readonly number[] = [8, 16, 32];
const BLOCKS: Readonly<Record<string, number>> = {
  "16k": 16 << 10,
  "32k": 32 << 10,
  "1m": LARGE_BLOCK_BYTES,
};

export const cells: readonly Cell[] = [true, false].flatMap((direct) =>
  Object.values(BLOCKS).flatMap((blockBytes) =>
    DEPTHS.map((depth) => ({ blockBytes, depth, direct })),
  ),
);

export function blockTitle(bytes: number): string {
  return bytes >= 1 << 20 ? `${bytes >> 20} MiB` : `${bytes >> 10} KiB`;
}

export const cacheTitle = ({ direct }: Cell): string => (direct ? "O_DIRECT" : "buffered");

export function cellTitle(cell: Cell): string {
  return `${cacheTitle(cell)}, ${blockTitle(cell.blockBytes)}, depth ${cell.depth}`;
}

/**
 * The cells that a list asks for, such as `direct,buffered/1m,16k/8`: parts that are left out may be anything.
 * @throws an Error where a part means nothing, or nothing is left
 */
export function chooseCells(list: string): Cell[] {
  const wanted = list.split(",").map((item) => item.split("/").map(toCondition));
  const chosen = cells.filter((cell) =>
    wanted.some((conditions) => conditions.every((isMet) => isMet(cell))),
  );
  if (chosen.length === 0) throw new Error(`No cell is ${list}`);
  return chosen;
}

function toCondition(part: string): (cell: Cell) => boolean {
  if (part === "direct" || part === "buffered") {
    return ({ direct }) => direct === (part === "direct");
  }
  const bytes = Object.entries(BLOCKS).find(([name]) => name === part)?.[1];
  if (bytes !== undefined) return ({ blockBytes }) => blockBytes === bytes;
  if (DEPTHS.some((depth) => String(depth) === part)) return ({ depth }) => depth === Number(part);
  const known = ["direct", "buffered", ...Object.keys(BLOCKS), ...DEPTHS].join(", ");
  throw new Error(`${part} is no part of a cell; there are ${known}`);
}

/** As a child process gets it. */
export function toParameters({ blockBytes, depth, direct }: Cell): Parameters {
  return { blockBytes, depth, direct: direct ? 1 : 0 };
}

export function toCell(parameters: Parameters): Cell {
  const { blockBytes = 0, depth = 0, direct = 0 } = parameters;
  if (blockBytes < 1 || depth < 1) throw new Error("The parameters are no cell's");
  return { blockBytes, depth, direct: direct === 1 };
}
