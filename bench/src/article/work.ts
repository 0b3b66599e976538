/** The work of a cell, the same for all that run in Node: which transfers, on which memory. */
import { constants } from "node:fs";
import { Random } from "../random.js";
import type { Cell } from "./cells.js";

export const READ_PERCENT = 75;

/** A sequence of transfers, random and repeatable. */
export class Work {
  readonly blockBytes: number;
  readonly depth: number;
  readonly openFlags: number;
  readonly #random: Random;
  readonly #blockCount: number;

  constructor(cell: Cell, fileBytes: number, seed: number) {
    this.blockBytes = cell.blockBytes;
    this.depth = cell.depth;
    this.openFlags = constants.O_RDWR | (cell.direct ? constants.O_DIRECT : 0);
    this.#random = new Random(seed);
    this.#blockCount = Math.floor(fileBytes / cell.blockBytes);
    if (this.#blockCount < 1) throw new Error(`A file of ${fileBytes} bytes has no such block`);
  }

  nextIsRead(): boolean {
    return this.#random.below(100) < READ_PERCENT;
  }

  nextPosition(): number {
    return this.#random.below(this.#blockCount) * this.blockBytes;
  }

  checkBytes(bytes: number): void {
    if (bytes !== this.blockBytes)
      throw new Error(`A transfer moved ${bytes} bytes of ${this.blockBytes}`);
  }
}

/** The types of it come with those of a browser. */
declare const WebAssembly: {
  readonly Memory: new (pages: {
    readonly initial: number;
    readonly maximum: number;
  }) => { readonly buffer: ArrayBuffer };
};

const WASM_PAGE_BYTES = 65_536;

/** Page-aligned, as O_DIRECT needs it: WebAssembly's memory is the only such memory that Node has by itself. */
export function alignedBuffers(count: number, bytes: number): Buffer[] {
  const pages = Math.ceil((count * bytes) / WASM_PAGE_BYTES);
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return Array.from({ length: count }, (_, nth) => Buffer.from(buffer, nth * bytes, bytes));
}
