/** What is about memory, time, processes and other threads, and no file: the part of {@link Client} with these system calls. */
import { isInt32Array, isSharedArrayBuffer } from "node:util/types";
import {
  FutexResult,
  MAX_TRANSFER_BYTES,
  MemoryAdvice,
  type Operation,
  operations,
  PAGE_BYTES,
} from "@ringpost/protocol";
import { checkInteger, INT32_MAX, toView } from "./arguments.js";
import type { RequestSink } from "./backend.js";
import { littleEndian } from "./byte-order.js";
import {
  type ChildIdType,
  type ChildState,
  toChildWait,
  type WaitidOptions,
} from "./child-state.js";
import { KernelRequests } from "./kernel-requests.js";
import { invalidArgType, invalidArgValue, outOfRange } from "./node-errors.js";
import type { BufferView, RequestOptions } from "./options.js";
import { type Decode, nothing, type PendingRequest } from "./pending-request.js";
import { orReject, post, postStrictly } from "./post.js";

const NS_PER_MS = 1_000_000;
/** 285 years: in ns less than 2⁶³. */
const MOST_MS = 9_000_000_000_000;

const ALLOWED_ADVICE: ReadonlySet<number> = new Set(Object.values(MemoryAdvice));

function checkAdvice(advice: unknown, bytes: number): asserts advice is number {
  checkInteger(advice, "advice", 0, INT32_MAX);
  if (!ALLOWED_ADVICE.has(advice)) {
    throw invalidArgValue("advice", advice, "is not allowed for memory that Node.js shares");
  }
  const losesContent = advice === MemoryAdvice.DONTNEED || advice === MemoryAdvice.FREE;
  if (losesContent && bytes % PAGE_BYTES !== 0) {
    const reason = "would take bytes behind the view away: it must end with a page";
    throw invalidArgValue("advice", advice, reason);
  }
}

function toNs(ms: unknown): bigint {
  if (typeof ms !== "number") throw invalidArgType("ms", "of type number", ms);
  if (!(ms >= 0 && ms <= MOST_MS)) throw outOfRange("ms", `>= 0 && <= ${MOST_MS}`, ms);
  const whole = Math.trunc(ms);
  return BigInt(whole) * BigInt(NS_PER_MS) + BigInt(Math.ceil((ms - whole) * NS_PER_MS));
}

/** A view of the word alone. */
function toWord(array: unknown, index: unknown): Int32Array {
  if (!isInt32Array(array)) throw invalidArgType("array", "an instance of Int32Array", array);
  if (!isSharedArrayBuffer(array.buffer))
    throw invalidArgValue("array", array, "must lie on a SharedArrayBuffer");
  checkInteger(index, "index", 0, array.length - 1);
  return array.subarray(index, index + 1);
}

const asWaited: Decode = (_request, result) =>
  result === FutexResult.NOT_EQUAL ? "not-equal" : "ok";

const asPipe: Decode = (_request, _result, _note, { values, at }) => [
  values.getInt32(at, littleEndian),
  values.getInt32(at + 4, littleEndian),
];

export class EventRequests extends KernelRequests {
  readonly #sink: RequestSink;

  constructor(sink: RequestSink) {
    super(sink);
    this.#sink = sink;
  }

  /** Does nothing, all the way to the kernel and back. Linux 5.1. */
  nop(options?: RequestOptions): Promise<void> {
    const request = this.#sink.begin(operations.nop);
    request.decode = nothing;
    return postStrictly(this.#sink, request, options);
  }

  /**
   * Tells the kernel how memory will be used: madvise(2). Linux 5.6. The view begins with a page (EINVAL otherwise), as a lease
   * does.
   * @param advice MADV_* of include/uapi/asm-generic/mman-common.h: 0 normal, 1 random, 2 sequential, 3 will need, 12 mergeable,
   * 13 unmergeable, 14 huge pages, 15 none, 20 cold, 21 page out, 22 populate for reading, 23 for writing, 25 collapse. And two
   * that give the memory back, for views of whole pages: after 4 (don't need) it holds zeros, after 8 (free) it may, until it is
   * written to. These reject with EBUSY for memory that a ring of this process has registered, as it does leases where it can (Linux
   * 5.19): the ring holds the pages, and would go on with them where the program has new ones.
   */
  madvise(view: BufferView, advice: number, options?: RequestOptions): Promise<void> {
    return orReject(() => {
      const memory = toView(view, "view");
      const bytes = memory.byteLength;
      if (bytes > MAX_TRANSFER_BYTES)
        throw outOfRange("view.byteLength", `<= ${MAX_TRANSFER_BYTES}`, bytes);
      checkAdvice(advice, bytes);
      const request = this.#sink.begin(operations.madvise);
      request.view = memory;
      request.length = bytes;
      request.flags = advice;
      request.decode = nothing;
      return postStrictly(this.#sink, request, options);
    });
  }

  /**
   * Makes a pipe: pipe2(2). io_uring since Linux 6.16, a system call before. No step of a chain: what a chain opens is its own, and a step has one descriptor.
   * @param flags O_NONBLOCK (0o4000), O_DIRECT (0o40000): packets. Default 0. Both ends are closed on exec in any case
   * @returns two descriptors: to read from, and to write to
   */
  pipe(flags = 0, options?: RequestOptions): Promise<[readFd: number, writeFd: number]> {
    return orReject(() => {
      checkInteger(flags, "flags", 0, INT32_MAX);
      const request = this.#sink.begin(operations.pipe);
      request.flags = flags;
      request.decode = asPipe;
      return postStrictly(this.#sink, request, options);
    });
  }

  /**
   * Resolves after the time. For a pause in a chain, which needs no way back to JavaScript; elsewhere setTimeout does it for less.
   * Linux 5.4.
   * @param ms from when the kernel has it; fractions count, to the nanosecond
   */
  timeout(ms: number, options?: RequestOptions): Promise<void> {
    return orReject(() => {
      const ns = toNs(ms);
      const request = this.#sink.begin(operations.timeout);
      request.setPosition(ns);
      request.decode = nothing;
      return postStrictly(this.#sink, request, options);
    });
  }

  /**
   * Waits until a child of this process ends, or is stopped or continued: waitid(2). Linux 6.7. Rejects with ECHILD where there is
   * no such child.
   *
   * For those of addons, and for stopped ones. Node.js waits for the children of node:child_process itself, and removes them as soon
   * as its event loop hears of their end: then this rejects with ECHILD, unless it was faster.
   * @param id number or descriptor; of "all" it means nothing, of "pgid" 0 is the group of this process
   */
  waitid(idType: ChildIdType, id: number, options?: WaitidOptions): Promise<ChildState> {
    return orReject(() => {
      const fill = toChildWait(idType, id, options);
      const request = this.#sink.begin(operations.waitid);
      fill(request);
      return post(this.#sink, request, options);
    });
  }

  /**
   * Waits until somebody wakes those who wait on the word: futex(2), private to this process. Linux 6.7. Those are native code, and
   * {@link futexWake}; not Atomics.notify, as V8 keeps a list of its own.
   * @param expected waits only as long as the word holds it when the wait begins
   * @returns "not-equal" where it holds something else, as Atomics.wait does. A time that is over rejects, with ETIMEDOUT
   */
  futexWait(
    array: Int32Array,
    index: number,
    expected: number,
    options?: RequestOptions,
  ): Promise<"ok" | "not-equal"> {
    return orReject(() => {
      const word = toWord(array, index);
      checkInteger(expected, "expected", -INT32_MAX - 1, INT32_MAX);
      const request = this.#onWord(operations.futexWait, word, expected);
      request.decode = asWaited;
      return postStrictly(this.#sink, request, options);
    });
  }

  /**
   * Wakes those who wait on the word: native code, and {@link futexWait}; not Atomics.wait. Linux 6.7.
   * @param count the most to wake. Default: all
   * @returns how many it has woken
   */
  futexWake(
    array: Int32Array,
    index: number,
    count: number = Number.POSITIVE_INFINITY,
    options?: RequestOptions,
  ): Promise<number> {
    return orReject(() => {
      const word = toWord(array, index);
      if (count !== Number.POSITIVE_INFINITY) checkInteger(count, "count", 0, INT32_MAX);
      const request = this.#onWord(operations.futexWake, word, Math.min(count, INT32_MAX));
      return postStrictly(this.#sink, request, options);
    });
  }

  #onWord(operation: Operation, word: Int32Array, value: number): PendingRequest {
    const request = this.#sink.begin(operation);
    request.view = word;
    request.length = word.byteLength;
    request.flags = value;
    return request;
  }
}
