/**
 * readFile and writeFile: one request each where the file is small, however its size is known; a few for a large one.
 *
 * A small file is read into a scratch buffer, to its end, and copied out: the engine opens, reads and closes without a way back
 * to JavaScript, and nobody asks for the size (which io_uring can't tell without a kernel worker thread, and which /proc
 * doesn't know). A file that fills the scratch buffer stays open, and the rest goes into a buffer of its size.
 */
import { constants as bufferConstants } from "node:buffer";
import { constants, type Stats } from "node:fs";
import { MAX_TRANSFER_BYTES, OpenFlag, operations, ReplyNote, Stage } from "@ringpost/protocol";
import type { Backend } from "./backend.js";
import { littleEndian } from "./byte-order.js";
import { fileTooLarge, notPolledError, operationError } from "./node-errors.js";
import type { Control } from "./options.js";
import { type Decode, type Fail, nothing, type PendingRequest } from "./pending-request.js";
import { postControlled } from "./post.js";
import type { Lease } from "./slabs.js";
import { toStats } from "./stat-result.js";

/** Files of fewer bytes are read as one request. */
const SCRATCH_BYTES = 64 * 1024;

/** node:fs reads no larger file at once. */
const MAX_FILE_BYTES = Math.min(2 ** 31 - 1, bufferConstants.MAX_LENGTH);

/** The step that failed is the error's syscall; open and read name the path, as in node:fs of Node 26. */
const failRecipe: Fail = (request, errno, note) => {
  if ((note & ReplyNote.NOT_ALLOWED) !== 0) return request.error(errno, note);
  switch (note & 0xffff) {
    case Stage.MOVE:
      if ((note & ReplyNote.NOT_POLLED) !== 0) {
        return notPolledError(request.syscall, request.shownPath());
      }
      return operationError(
        errno,
        request.syscall,
        request.syscall === "read" ? request.shownPath() : undefined,
      );
    case Stage.FLUSH:
      return operationError(errno, "fsync");
    case Stage.CLOSE:
      return operationError(errno, "close");
    default:
      return operationError(errno, "open", request.shownPath());
  }
};

/** What a read of the rest came to. */
interface Rest {
  readonly bytes: number;
  readonly atEnd: boolean;
}

const asRest: Decode = (_request, result, note) => ({
  bytes: result,
  atEnd: (note & ReplyNote.END_OF_FILE) !== 0,
});

const asStats: Decode = (_request, _result, _note, payload) => toStats(payload.values, payload.at);

export interface WriteFileArguments {
  readonly path: string | Uint8Array;
  readonly data: Uint8Array;
  readonly openFlags: number;
  readonly mode: number;
  readonly flush: boolean;
  readonly control: Control | undefined;
}

export class WholeFiles {
  readonly #backend: Backend;
  readonly #scratches: Lease[] = [];

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  read(
    path: string | Uint8Array,
    openFlags: number,
    control: Control | undefined,
  ): Promise<Buffer> {
    const request = this.#backend.begin(operations.readFile);
    request.path = path;
    request.flags = openFlags;
    request.mode = 0o666;
    request.length = SCRATCH_BYTES;
    request.prepare = this.#lendScratch;
    request.decode = this.#finishRead;
    request.fail = this.#failRead;
    return postControlled(this.#backend, request, control);
  }

  write(file: WriteFileArguments): Promise<void> {
    if (file.data.length > MAX_TRANSFER_BYTES) return this.#writeInParts(file);
    const request = this.#backend.begin(operations.writeFile);
    request.path = file.path;
    request.flags = file.openFlags | (file.flush ? OpenFlag.FLUSH : 0);
    request.mode = file.mode;
    request.view = file.data;
    request.length = file.data.length;
    request.decode = nothing;
    request.fail = failRecipe;
    return postControlled(this.#backend, request, file.control);
  }

  readonly #lendScratch = (request: PendingRequest): void => {
    const scratch = this.#scratches.pop() ?? this.#backend.lease(SCRATCH_BYTES);
    request.view = scratch.buffer;
    request.context = scratch;
  };

  /** A request that never got a slot has no scratch buffer. */
  #takeBackScratch(request: PendingRequest): void {
    if (request.context !== undefined) this.#scratches.push(request.context as Lease); // from #lendScratch
  }

  readonly #failRead: Fail = (request, errno, note) => {
    this.#takeBackScratch(request);
    return failRecipe(request, errno, note);
  };

  readonly #finishRead: Decode = (request, bytes, note, payload) => {
    const whole = Buffer.allocUnsafeSlow(bytes);
    (request.context as Lease).buffer.copy(whole, 0, 0, bytes); // from #lendScratch
    this.#takeBackScratch(request);
    if ((note & ReplyNote.END_OF_FILE) !== 0) return whole;
    const { path, signal, deadline } = request;
    return this.#readRest(payload.values.getInt32(payload.at, littleEndian), whole, path, {
      signal,
      deadline,
    });
  };

  /** Goes on where the scratch buffer was full. The engine closes the file when it has come to the end, or failed. */
  async #readRest(
    opened: number,
    begun: Buffer,
    path: string | Uint8Array | undefined,
    control: Control,
  ): Promise<Buffer> {
    let fd = opened;
    try {
      const { size } = await this.#step<Stats>(operations.stat, fd, control, (request) => {
        request.mode = STATX_SIZE;
        request.decode = asStats;
      });
      if (size > MAX_FILE_BYTES) throw fileTooLarge(size);
      let whole = begun;
      // One byte more than the size: the read that fills all but that byte has seen the end.
      let capacity = Math.max(size + 1, begun.length * 2);
      for (let done = begun.length; ; ) {
        if (done === whole.length && done < MAX_FILE_BYTES) {
          const larger = Buffer.allocUnsafeSlow(Math.min(capacity, MAX_FILE_BYTES));
          whole.copy(larger, 0, 0, done);
          whole = larger;
        }
        // The largest file there may be has no byte after it, and the read that shows it needs room for one.
        const room = done < whole.length ? whole.subarray(done) : Buffer.alloc(1);
        const rest = await this.#step<Rest>(operations.readRest, fd, control, (request) => {
          request.view = room;
          request.setPosition(done);
          request.length = Math.min(room.length, MAX_TRANSFER_BYTES);
          request.decode = asRest;
          request.fail = (failed, errno, note) => {
            fd = CLOSED;
            failed.path = path;
            return failRecipe(failed, errno, note);
          };
        });
        done += rest.bytes;
        if (rest.atEnd) {
          fd = CLOSED;
          return whole.subarray(0, done);
        }
        if (done > MAX_FILE_BYTES) throw fileTooLarge(done);
        capacity = Math.max(whole.length, done * 2);
      }
    } finally {
      if (fd !== CLOSED) await this.#closeAnyway(fd);
    }
  }

  /** As node:fs does it: by a descriptor. */
  async truncate(
    path: string | Uint8Array,
    length: number,
    control: Control | undefined,
  ): Promise<void> {
    const fd = await this.#open(path, constants.O_RDWR, 0, control);
    try {
      await this.#step(operations.ftruncate, fd, control, (request) => {
        request.setPosition(length);
        request.decode = nothing;
      });
    } finally {
      await this.#closeAnyway(fd);
    }
  }

  /** More than one write can move: the steps of the recipe one by one. */
  async #writeInParts(file: WriteFileArguments): Promise<void> {
    const { path, data, openFlags, mode, flush, control } = file;
    let fd = await this.#open(path, openFlags, mode, control);
    try {
      for (let done = 0; done < data.length; ) {
        done += await this.#step<number>(operations.write, fd, control, (request) => {
          request.view = data.subarray(done);
          request.setPosition(done);
          request.length = Math.min(data.length - done, MAX_TRANSFER_BYTES);
        });
      }
      if (flush) await this.#step(operations.fsync, fd, control);
      await this.#step(operations.close, fd, undefined);
      fd = CLOSED;
    } finally {
      if (fd !== CLOSED) await this.#closeAnyway(fd);
    }
  }

  /** The first step: a request as any other, which continues nothing. */
  #open(
    path: string | Uint8Array,
    flags: number,
    mode: number,
    control: Control | undefined,
  ): Promise<number> {
    const request = this.#backend.begin(operations.open);
    request.path = path;
    request.flags = flags | OpenFlag.KEPT;
    request.mode = mode;
    return postControlled(this.#backend, request, control);
  }

  /** A later one. */
  #step<T>(
    operation: (typeof operations)[keyof typeof operations],
    fd: number,
    control: Control | undefined,
    fill?: (request: PendingRequest) => void,
  ): Promise<T> {
    const request = this.#backend.begin(operation);
    request.fd = fd;
    request.continues = true;
    fill?.(request);
    return postControlled(this.#backend, request, control);
  }

  /** After a failure, whose error is the one to tell. Where the client is closed, the engine has closed the file, too. */
  async #closeAnyway(fd: number): Promise<void> {
    await this.#step(operations.close, fd, undefined).catch(() => undefined);
  }
}

const CLOSED = -1;

/** STATX_SIZE of include/uapi/linux/stat.h. */
const STATX_SIZE = 0x200;
