/**
 * readFile: one request where the file is small, however its size is known; a few for a large one.
 *
 * A small file is read into a scratch buffer, to its end, and copied out: the engine opens, reads and closes without a way back
 * to JavaScript, and nobody asks for the size (which io_uring can't tell without a kernel worker thread, and which /proc
 * doesn't know). A file that fills the scratch buffer stays open, and the rest goes into a buffer of its size.
 */
import { constants as bufferConstants } from "node:buffer";
import type { Stats } from "node:fs";
import { MAX_TRANSFER_BYTES, operations, ReplyNote } from "@ringpost/protocol";
import type { Backend } from "./backend.js";
import { littleEndian } from "./byte-order.js";
import { CLOSED, closeAnyway, failRecipe, postStep } from "./file-steps.js";
import { fileTooLarge } from "./node-errors.js";
import type { Control } from "./options.js";
import type { Decode, Fail, PendingRequest } from "./pending-request.js";
import { postControlled } from "./post.js";
import type { Lease } from "./slabs.js";
import { toStats } from "./stat-result.js";

/** Files of fewer bytes are read as one request. */
const SCRATCH_BYTES = 64 * 1024;

/** node:fs reads no larger file at once. */
const MAX_FILE_BYTES = Math.min(2 ** 31 - 1, bufferConstants.MAX_LENGTH);

/** STATX_SIZE of include/uapi/linux/stat.h. */
const STATX_SIZE = 0x200;

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

export class WholeFileReader {
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
      const { size } = await postStep<Stats>(
        this.#backend,
        operations.stat,
        fd,
        control,
        (request) => {
          request.mode = STATX_SIZE;
          request.decode = asStats;
        },
      );
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
        const rest = await postStep<Rest>(
          this.#backend,
          operations.readRest,
          fd,
          control,
          (request) => {
            request.view = room;
            request.setPosition(done);
            request.length = Math.min(room.length, MAX_TRANSFER_BYTES);
            request.decode = asRest;
            request.fail = (failed, errno, note) => {
              fd = CLOSED;
              failed.path = path;
              return failRecipe(failed, errno, note);
            };
          },
        );
        done += rest.bytes;
        if (rest.atEnd) {
          fd = CLOSED;
          return whole.subarray(0, done);
        }
        if (done > MAX_FILE_BYTES) throw fileTooLarge(done);
        capacity = Math.max(whole.length, done * 2);
      }
    } finally {
      if (fd !== CLOSED) await closeAnyway(this.#backend, fd);
    }
  }
}
