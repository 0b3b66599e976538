import type { BigIntStats, Stats } from "node:fs";
import type { View } from "@ringpost/native";
import { MAX_TRANSFER_BYTES, operations } from "@ringpost/protocol";
import {
  checkFd,
  type PathLike,
  type Position,
  toEncoding,
  toMode,
  toOpenFlags,
  toPath,
  toView,
  toViews,
} from "./arguments.js";
import type { Backend } from "./backend.js";
import { invalidArgType } from "./node-errors.js";
import {
  type BufferView,
  type CloseOptions,
  type ReadFileOptions,
  type StatOptions,
  type TransferOptions,
  toBytes,
  toFileOptions,
  toGraceMs,
  toOptions,
  toPosition,
  type WriteFileOptions,
} from "./options.js";
import { type Decode, nothing, type PendingRequest } from "./pending-request.js";
import type { Lease } from "./slabs.js";
import { toBigIntStats, toStats } from "./stat-result.js";
import { WholeFiles } from "./whole-file.js";

/** STATX_BASIC_STATS | STATX_BTIME of include/uapi/linux/stat.h: all that Stats has. */
const STATX_ALL = 0xfff;
/** AT_SYMLINK_NOFOLLOW of include/uapi/linux/fcntl.h. */
const AT_SYMLINK_NOFOLLOW = 0x100;

const asStats: Decode = (_request, _result, _note, payload) => toStats(payload.values, payload.at);
const asBigIntStats: Decode = (_request, _result, _note, payload) =>
  toBigIntStats(payload.values, payload.at);

/**
 * One thread's endpoint to an engine. Its methods have the names, arguments and errors of node:fs; each posts one request and
 * returns a promise. Wrong arguments reject with `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` or `ERR_INVALID_ARG_VALUE`; failed
 * operations with the error that node:fs would give; a closed client or engine with `ERR_RINGPOST_CLOSED`.
 *
 * A buffer belongs to its request until the promise settles: as with node:fs, don't write to it, transfer it or resize it.
 */
export class Client implements AsyncDisposable {
  readonly #backend: Backend;
  readonly #files: WholeFiles;

  /** @internal Use `Engine.start` or `connect`. */
  constructor(backend: Backend) {
    this.#backend = backend;
    this.#files = new WholeFiles(backend);
  }

  /** What serves this client. */
  get backend(): "io_uring" | "threadpool" {
    return this.#backend.name;
  }

  /** Does nothing, all the way to the kernel and back. Linux 5.1. */
  nop(): Promise<void> {
    const request = this.#backend.begin(operations.nop);
    request.decode = nothing;
    return this.#post(request);
  }

  /**
   * Opens a file. Linux 5.6.
   * @param flags as in node:fs: "r", "w+", …, or numbers of `fs.constants`. Default "r".
   * @param mode permissions of a new file, before the umask. Default 0o666.
   * @returns the descriptor, an ordinary one of the process: any thread may use it, node:fs too. Close it with {@link close}: in a
   * worker, node:fs warns about descriptors that it closes but hasn't opened
   */
  open(path: PathLike, flags?: string | number, mode?: number | string): Promise<number> {
    try {
      const local = toPath(path);
      const openFlags = toOpenFlags(flags);
      const openMode = toMode(mode, 0o666);
      const request = this.#backend.begin(operations.open);
      request.path = local;
      request.flags = openFlags;
      request.mode = openMode;
      return this.#post(request);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Closes a descriptor. Linux 5.6. Never cancelled half way. */
  close(fd: number): Promise<void>;
  /** Without an argument: closes the client itself, as {@link disconnect}. */
  close(): Promise<void>;
  close(...given: [fd?: number]): Promise<void> {
    // By their number, not their value: a descriptor that is undefined by mistake must not close the client.
    if (given.length === 0) return this.disconnect();
    return this.#descriptorOperation(operations.close, given[0]);
  }

  /**
   * Closes the client. No more requests are taken (`ERR_RINGPOST_CLOSED`); those in flight finish, or are cancelled when nothing
   * moves any more. Idempotent.
   */
  disconnect(options?: CloseOptions): Promise<void> {
    try {
      return this.#backend.close(toGraceMs(options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Reads into the view. Linux 5.6.
   * @returns bytes read: fewer than the view has at the end of the file, or after a short read; 0 at the end
   */
  read(fd: number, view: BufferView, options?: TransferOptions | Position): Promise<number> {
    return this.#transfer(operations.read, fd, view, options);
  }

  /**
   * Writes the view. Linux 5.6.
   * @returns bytes written; rarely fewer than the view has (a full device, a pipe): the caller goes on with the rest
   */
  write(fd: number, view: BufferView, options?: TransferOptions | Position): Promise<number> {
    return this.#transfer(operations.write, fd, view, options);
  }

  /** Reads into several views, one after the other. At most 1024. Linux 5.1. Returns as {@link read}. */
  readv(
    fd: number,
    views: readonly BufferView[],
    options?: TransferOptions | Position,
  ): Promise<number> {
    return this.#transferVectors(operations.readv, fd, views, options);
  }

  /** Writes several views, one after the other. At most 1024. Linux 5.1. Returns as {@link write}. */
  writev(
    fd: number,
    views: readonly BufferView[],
    options?: TransferOptions | Position,
  ): Promise<number> {
    return this.#transferVectors(operations.writev, fd, views, options);
  }

  /** Resolves when data and metadata of the file are on the device. Linux 5.1. */
  fsync(fd: number): Promise<void> {
    return this.#descriptorOperation(operations.fsync, fd);
  }

  /** Resolves when the data is on the device, and the metadata needed to read it. Linux 5.1. */
  fdatasync(fd: number): Promise<void> {
    return this.#descriptorOperation(operations.fdatasync, fd);
  }

  /** What node:fs stat says of a path, or fstat of a descriptor (statx). Linux 5.6. */
  stat(
    what: PathLike | number,
    options?: StatOptions & { readonly bigint?: false },
  ): Promise<Stats>;
  stat(
    what: PathLike | number,
    options: StatOptions & { readonly bigint: true },
  ): Promise<BigIntStats>;
  stat(what: PathLike | number, options?: StatOptions): Promise<Stats | BigIntStats> {
    return this.#stat(what, options, 0);
  }

  /** As {@link stat}, of the symbolic link itself. */
  lstat(path: PathLike, options?: StatOptions & { readonly bigint?: false }): Promise<Stats>;
  lstat(path: PathLike, options: StatOptions & { readonly bigint: true }): Promise<BigIntStats>;
  lstat(path: PathLike, options?: StatOptions): Promise<Stats | BigIntStats> {
    return this.#stat(path, options, AT_SYMLINK_NOFOLLOW);
  }

  /**
   * The whole file, whatever its size says: right for /proc, pipes, and files that grow. At most 2 GiB
   * (`ERR_FS_FILE_TOO_LARGE`). Linux 5.6.
   */
  readFile(
    path: PathLike,
    options?: (ReadFileOptions & { readonly encoding?: null }) | null,
  ): Promise<Buffer>;
  readFile(
    path: PathLike,
    options: BufferEncoding | (ReadFileOptions & { readonly encoding: BufferEncoding }),
  ): Promise<string>;
  readFile(
    path: PathLike,
    options?: ReadFileOptions | BufferEncoding | null,
  ): Promise<Buffer | string> {
    try {
      const local = toPath(path);
      const { encoding, flag } = toFileOptions<ReadFileOptions>(options);
      const decodeAs = toEncoding(encoding);
      const bytes = this.#files.read(local, toOpenFlags(flag));
      return decodeAs === undefined ? bytes : bytes.then((buffer) => buffer.toString(decodeAs));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Replaces the whole file, or makes it; short writes are continued. Linux 5.6. */
  writeFile(
    path: PathLike,
    data: string | BufferView,
    options?: WriteFileOptions | BufferEncoding | null,
  ): Promise<void> {
    try {
      const local = toPath(path);
      const given = toFileOptions<WriteFileOptions>(options);
      const encoding = toEncoding(given.encoding) ?? "utf8";
      const openFlags = toOpenFlags(given.flag, "flags", "w");
      const mode = toMode(given.mode, 0o666);
      if (given.flush !== undefined && given.flush !== null && typeof given.flush !== "boolean") {
        throw invalidArgType("options.flush", "of type boolean", given.flush);
      }
      return this.#files.write({
        path: local,
        data: toBytes(data, encoding),
        openFlags,
        mode,
        flush: given.flush ?? false,
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Lends page-aligned memory that is registered with the ring: fit for O_DIRECT, cheaper in read and write, which use it as
   * such by themselves (READ_FIXED, WRITE_FIXED; Linux 5.19, plain memory before). Give it back with `using`, or
   * `[Symbol.dispose]()`.
   * @param bytes 1 to 2 GiB less a page; rounded up to a power of two of pages
   */
  lease(bytes: number): Lease {
    return this.#backend.lease(bytes);
  }

  /** Hands over what was posted in this turn of the event loop now; it would go by itself at the turn's end. */
  submit(): void {
    this.#backend.submit();
  }

  /**
   * Awaits room: resolves when no request waits for a slot. More than `queueLimit` waiting requests reject with EAGAIN, so
   * who posts very many awaits this from time to time.
   */
  drain(): Promise<void> {
    return this.#backend.drain();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  #descriptorOperation(operation: FileOperation, fd: unknown): Promise<void> {
    try {
      checkFd(fd);
    } catch (error) {
      return Promise.reject(error);
    }
    const request = this.#backend.begin(operation);
    request.fd = fd;
    request.decode = nothing;
    return this.#post(request);
  }

  #transfer(
    operation: FileOperation,
    fd: number,
    buffer: BufferView,
    options: TransferOptions | Position | undefined,
  ): Promise<number> {
    let view: View;
    let position: Position | undefined;
    try {
      checkFd(fd);
      view = toView(buffer);
      position = toPosition(options);
    } catch (error) {
      return Promise.reject(error);
    }
    const request = this.#backend.begin(operation);
    request.fd = fd;
    request.view = view;
    request.length = Math.min(view.byteLength, MAX_TRANSFER_BYTES);
    request.setPosition(position);
    return this.#post(request);
  }

  #transferVectors(
    operation: FileOperation,
    fd: number,
    buffers: readonly BufferView[],
    options: TransferOptions | Position | undefined,
  ): Promise<number> {
    let views: View[];
    let position: Position | undefined;
    try {
      checkFd(fd);
      views = toViews(buffers);
      position = toPosition(options);
    } catch (error) {
      return Promise.reject(error);
    }
    if (views.length === 0) return Promise.resolve(0);
    const request = this.#backend.begin(operation);
    request.fd = fd;
    request.views = views;
    request.length = views.length;
    request.setPosition(position);
    return this.#post(request);
  }

  #stat(
    what: PathLike | number,
    options: StatOptions | undefined,
    flags: number,
  ): Promise<Stats | BigIntStats> {
    try {
      const given = toOptions<StatOptions>(options);
      const byDescriptor = typeof what === "number" && flags === 0;
      if (byDescriptor) checkFd(what);
      const path = byDescriptor ? undefined : toPath(what);
      const request = this.#backend.begin(operations.stat);
      if (byDescriptor) request.fd = what;
      request.path = path;
      if (byDescriptor) request.syscall = "fstat";
      else if (flags !== 0) request.syscall = "lstat";
      request.flags = flags;
      request.mode = STATX_ALL;
      request.decode = given.bigint === true ? asBigIntStats : asStats;
      return this.#post(request);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #post<T>(request: PendingRequest): Promise<T> {
    const promise = request.promise<T>();
    this.#backend.post(request);
    return promise;
  }
}

type FileOperation = (typeof operations)[keyof typeof operations];
