/** What node:fs does with a bare descriptor, as promises: node:fs/promises has it for FileHandles only. */
import fs from "node:fs";
import { promisify } from "node:util";
import type { BufferView, Position } from "ringpost";

type Transfer = (
  fd: number,
  buffer: BufferView,
  offset: number,
  length: number,
  position: Position,
) => Promise<unknown>;
type TransferMany = (
  fd: number,
  buffers: readonly BufferView[],
  position: Position,
) => Promise<unknown>;

// promisify knows only the last of the overloads.
const read = promisify(fs.read) as Transfer;
const write = promisify(fs.write) as Transfer;

export const nodeByDescriptor = {
  close: promisify(fs.close),
  fsync: promisify(fs.fsync),
  fdatasync: promisify(fs.fdatasync),
  fstat: promisify(fs.fstat),
  read: (fd: number, view: BufferView, position: Position) =>
    read(fd, view, 0, view.byteLength, position),
  write: (fd: number, view: BufferView, position: Position) =>
    write(fd, view, 0, view.byteLength, position),
  readv: promisify(fs.readv) as TransferMany,
  writev: promisify(fs.writev) as TransferMany,
} as const;
