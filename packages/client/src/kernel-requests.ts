/** What the kernel does with names and node:fs doesn't: the part of {@link Client} with the system calls' own names. */
import { constants } from "node:fs";
import { type Operation, operations } from "@ringpost/protocol";
import {
  checkFd,
  checkInteger,
  checkPosition,
  INT32_MAX,
  type PathLike,
  type Position,
  toMode,
  toOpenFlags,
  toPath,
} from "./arguments.js";
import type { RequestSink } from "./backend.js";
import { invalidArgType, invalidArgValue } from "./node-errors.js";
import {
  type BufferView,
  type Openat2Options,
  openat2Names,
  type RequestOptions,
  requestNames,
  type SetxattrOptions,
  type StatxOptions,
  setxattrNames,
  statxNames,
  toBytes,
  toControl,
  toOptions,
  toResolve,
} from "./options.js";
import { PathRequests } from "./path-requests.js";
import { type Decode, nothing, type PendingRequest } from "./pending-request.js";
import { orReject, post, postControlled, postStrictly } from "./post.js";
import { STATX_ALL, type Statx, toStatx } from "./stat-result.js";

const { O_CREAT } = constants;
/** O_TMPFILE of include/uapi/asm-generic/fcntl.h, without the O_DIRECTORY in it. */
const O_TMPFILE = 0o20000000;
/** The working directory (include/uapi/linux/fcntl.h). */
const AT_FDCWD = -100;

/** XATTR_SIZE_MAX and XATTR_NAME_MAX of include/uapi/linux/limits.h. */
const MAX_VALUE_BYTES = 65_536;
const MAX_NAME_BYTES = 255;
/** Most values are short; a longer one is asked for again. */
const USUAL_VALUE_BYTES = 1024;

/** A descriptor, or a path. */
type Target = number | string | Uint8Array;

function toTarget(what: PathLike | number): Target {
  if (typeof what !== "number") return toPath(what);
  checkFd(what);
  return what;
}

function checkAttribute(name: unknown): asserts name is string {
  if (typeof name !== "string") throw invalidArgType("name", "of type string", name);
  if (name.includes("\u0000") || name.length === 0 || Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw invalidArgValue("name", name, "must be a string of 1 to 255 bytes without null bytes");
  }
}

const asStatx: Decode = (_request, _result, _note, payload) => toStatx(payload.values, payload.at);

export class KernelRequests extends PathRequests {
  readonly #sink: RequestSink;

  protected constructor(sink: RequestSink) {
    super(sink);
    this.#sink = sink;
  }

  /**
   * Opens a file, and refuses paths that lead astray: openat2(2). Linux 5.6. Otherwise as {@link open}.
   * @returns the descriptor
   */
  openat2(path: PathLike, options?: Openat2Options): Promise<number> {
    return orReject(() => {
      const local = toPath(path);
      const { flags, mode, dirFd, resolve } = toOptions<Openat2Options>(options, openat2Names);
      const openFlags = toOpenFlags(flags, "options.flags");
      const makes = (openFlags & (O_CREAT | O_TMPFILE)) !== 0;
      const openMode = toMode(mode, makes ? 0o666 : 0);
      const resolveFlags = toResolve(resolve);
      if (dirFd !== undefined) checkFd(dirFd);
      const request = this.#sink.begin(operations.openat2);
      request.path = local;
      request.fd = dirFd ?? AT_FDCWD;
      request.flags = openFlags;
      request.mode = openMode;
      request.length = resolveFlags;
      return post(this.#sink, request, options);
    });
  }

  /** All that the kernel says of a file: statx(2), with a mask of what to ask. Linux 5.6. */
  statx(what: PathLike | number, options?: StatxOptions): Promise<Statx> {
    return orReject(() => {
      const target = toTarget(what);
      const { mask = STATX_ALL, flags = 0 } = toOptions<StatxOptions>(options, statxNames);
      checkInteger(mask, "options.mask", 0, INT32_MAX);
      checkInteger(flags, "options.flags", 0, INT32_MAX);
      const request = this.#sink.begin(operations.stat);
      if (typeof target === "number") request.fd = target;
      else request.path = target;
      request.syscall = "statx";
      request.flags = flags;
      request.mode = mask;
      request.decode = asStatx;
      return post(this.#sink, request, options);
    });
  }

  /**
   * Moves bytes between two descriptors, one of them a pipe, without a copy through this process: splice(2). Linux 5.7.
   * @param offIn, offOut offset in the file, in bytes; null for a pipe, or where the descriptor stands
   * @param length the most to move, in bytes: less than 2 GiB
   * @param flags SPLICE_F_* of include/uapi/linux: 1 move, 2 nonblock, 4 more. Default 0
   * @returns bytes moved; 0 at the end
   */
  splice(
    fdIn: number,
    offIn: Position,
    fdOut: number,
    offOut: Position,
    length: number,
    flags = 0,
    options?: RequestOptions,
  ): Promise<number> {
    return this.#between(operations.splice, fdIn, offIn, fdOut, offOut, length, flags, options);
  }

  /**
   * Copies bytes from one pipe to another, and leaves them in the first: tee(2). Linux 5.8.
   * @param length the most to copy, in bytes: less than 2 GiB
   * @param flags as of {@link splice}
   * @returns how many
   */
  tee(
    fdIn: number,
    fdOut: number,
    length: number,
    flags = 0,
    options?: RequestOptions,
  ): Promise<number> {
    return this.#between(operations.tee, fdIn, null, fdOut, null, length, flags, options);
  }

  #between(
    operation: Operation,
    fdIn: number,
    offIn: Position,
    fdOut: number,
    offOut: Position,
    length: number,
    flags: number,
    options: RequestOptions | undefined,
  ): Promise<number> {
    return orReject(() => {
      checkFd(fdIn, "fdIn");
      checkPosition(offIn, "offIn");
      checkFd(fdOut, "fdOut");
      checkPosition(offOut, "offOut");
      checkInteger(length, "length", 0, INT32_MAX);
      checkInteger(flags, "flags", 0, INT32_MAX);
      const request = this.#sink.begin(operation);
      request.fd = fdIn;
      request.setPosition(offIn);
      request.secondFd = fdOut;
      request.secondPosition = BigInt(offOut ?? -1);
      request.length = length;
      request.flags = flags;
      return postStrictly(this.#sink, request, options);
    });
  }

  /**
   * Waits until one of the events is there: poll(2), once. Linux 5.1.
   * @param events POLL* of include/uapi/asm-generic/poll.h: 1 in, 2 priority, 4 out
   * @returns the events that are there, of these and 8 error, 16 hang-up
   */
  poll(fd: number, events: number, options?: RequestOptions): Promise<number> {
    return orReject(() => {
      checkFd(fd);
      checkInteger(events, "events", 0, 0xffff);
      const request = this.#sink.begin(operations.poll);
      request.fd = fd;
      request.flags = events;
      return postStrictly(this.#sink, request, options);
    });
  }

  /** The value of an extended attribute: getxattr(2), or fgetxattr(2) of a descriptor. io_uring since Linux 5.19, a system call before. */
  async getxattr(what: PathLike | number, name: string, options?: RequestOptions): Promise<Buffer> {
    const target = toTarget(what);
    checkAttribute(name);
    const control = toControl(toOptions<RequestOptions>(options, requestNames));
    const ask = async (room: number, continues: boolean): Promise<Buffer> => {
      const value = Buffer.allocUnsafeSlow(room);
      const request = this.#onAttribute(operations.getxattr, target, name, value);
      request.continues = continues;
      const bytes = await postControlled<number>(this.#sink, request, control);
      return value.subarray(0, bytes);
    };
    try {
      return await ask(USUAL_VALUE_BYTES, false);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERANGE") throw error;
      return ask(MAX_VALUE_BYTES, true);
    }
  }

  /** Sets an extended attribute: setxattr(2), or fsetxattr(2) of a descriptor. io_uring since Linux 5.19, a system call before. */
  setxattr(
    what: PathLike | number,
    name: string,
    value: string | BufferView,
    options?: SetxattrOptions,
  ): Promise<void> {
    return orReject(() => {
      const target = toTarget(what);
      checkAttribute(name);
      const bytes = toBytes(value, "utf8", "value");
      const { flags = 0 } = toOptions<SetxattrOptions>(options, setxattrNames);
      checkInteger(flags, "options.flags", 0, 3);
      const request = this.#onAttribute(operations.setxattr, target, name, bytes);
      request.flags = flags;
      request.decode = nothing;
      return post(this.#sink, request, options);
    });
  }

  #onAttribute(
    operation: Operation,
    target: Target,
    name: string,
    value: Uint8Array,
  ): PendingRequest {
    const request = this.#sink.begin(operation);
    if (typeof target === "number") {
      request.fd = target;
      request.syscall = `f${operation.syscall}`;
    } else {
      request.path = target;
    }
    request.attribute = name;
    request.view = value;
    request.length = value.length;
    return request;
  }
}
