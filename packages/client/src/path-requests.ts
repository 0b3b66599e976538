/** What a client does with names: the part of {@link Client} whose methods take a path. */
import type { BigIntStats, Stats } from "node:fs";
import { type Operation, operations } from "@ringpost/protocol";
import {
  checkFd,
  checkInteger,
  type PathLike,
  refuseFurther,
  toEncoding,
  toMode,
  toOpenFlags,
  toPath,
} from "./arguments.js";
import type { RequestSink } from "./backend.js";
import { DescriptorRequests } from "./descriptor-requests.js";
import { DirectoryMaker } from "./make-directories.js";
import { invalidArgType } from "./node-errors.js";
import {
  type BufferView,
  type MkdirOptions,
  type RenameOptions,
  type RequestOptions,
  type StatOptions,
  toBytes,
  toControl,
  toFileOptions,
  toMkdirOptions,
  toOptions,
  toRenameFlags,
  type WriteFileOptions,
} from "./options.js";
import { type Decode, nothing } from "./pending-request.js";
import { orReject, post } from "./post.js";
import { STATX_ALL, toBigIntStats, toStats } from "./stat-result.js";
import { truncateFile, writeWholeFile } from "./write-file.js";

/** AT_SYMLINK_NOFOLLOW of include/uapi/linux/fcntl.h. */
const AT_SYMLINK_NOFOLLOW = 0x100;

const asStats: Decode = (_request, _result, _note, payload) => toStats(payload.values, payload.at);
const asBigIntStats: Decode = (_request, _result, _note, payload) =>
  toBigIntStats(payload.values, payload.at);

export class PathRequests extends DescriptorRequests {
  readonly #sink: RequestSink;

  protected constructor(sink: RequestSink) {
    super(sink);
    this.#sink = sink;
  }

  /**
   * Opens a file. Linux 5.6.
   * @param flags as in node:fs: "r", "w+", …, or numbers of `fs.constants`. Default "r".
   * @param mode permissions of a new file, before the umask. Default 0o666.
   * @returns the descriptor, an ordinary one of the process: any thread may use it, node:fs too. Close it with `close`: in a
   * worker, node:fs warns about descriptors that it closes but hasn't opened
   */
  open(
    path: PathLike,
    flags?: string | number,
    mode?: number | string,
    options?: RequestOptions,
  ): Promise<number> {
    try {
      const local = toPath(path);
      const openFlags = toOpenFlags(flags);
      const openMode = toMode(mode, 0o666);
      const request = this.#sink.begin(operations.open);
      request.path = local;
      request.flags = openFlags;
      request.mode = openMode;
      return post(this.#sink, request, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** What node:fs stat says of a path, or fstat of a descriptor (statx). Linux 5.6. */
  stat(
    what: PathLike | number,
    options?: StatOptions & { readonly bigint?: false | undefined },
  ): Promise<Stats>;
  stat(
    what: PathLike | number,
    options: StatOptions & { readonly bigint: true },
  ): Promise<BigIntStats>;
  stat(what: PathLike | number, options?: StatOptions): Promise<Stats | BigIntStats>;
  stat(what: PathLike | number, options?: StatOptions): Promise<Stats | BigIntStats> {
    return this.#stat(what, options, 0);
  }

  /** As {@link stat}, of the symbolic link itself. */
  lstat(
    path: PathLike,
    options?: StatOptions & { readonly bigint?: false | undefined },
  ): Promise<Stats>;
  lstat(path: PathLike, options: StatOptions & { readonly bigint: true }): Promise<BigIntStats>;
  lstat(path: PathLike, options?: StatOptions): Promise<Stats | BigIntStats>;
  lstat(path: PathLike, options?: StatOptions): Promise<Stats | BigIntStats> {
    return this.#stat(path, options, AT_SYMLINK_NOFOLLOW);
  }

  /**
   * Gives the file another name, in one step. io_uring since Linux 5.11, a system call before.
   * @param options `noReplace`: reject with EEXIST where the new name is taken; `exchange`: swap the two
   */
  rename(oldPath: PathLike, newPath: PathLike, options?: RenameOptions): Promise<void> {
    try {
      return this.#onTwoPaths(
        operations.rename,
        oldPath,
        "oldPath",
        newPath,
        "newPath",
        toRenameFlags(options),
        options,
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Removes the name; the file, when it was its last and nobody has it open. io_uring since Linux 5.11, a system call before. */
  unlink(path: PathLike, options?: RequestOptions): Promise<void> {
    return this.#onPath(operations.unlink, path, 0, options);
  }

  /** Removes the empty directory. io_uring since Linux 5.11, a system call before. */
  rmdir(path: PathLike, options?: RequestOptions): Promise<void> {
    return this.#onPath(operations.rmdir, path, 0, options);
  }

  /**
   * Makes the directory. io_uring since Linux 5.15, a system call before.
   * @param options the mode (default 0o777, before the umask), or `recursive`: the missing ones above, too
   * @returns with `recursive`, the first directory that was made, if any
   */
  mkdir(
    path: PathLike,
    options?: number | string | (MkdirOptions & { readonly recursive?: false | undefined }) | null,
  ): Promise<void>;
  mkdir(
    path: PathLike,
    options: MkdirOptions & { readonly recursive: true },
  ): Promise<string | undefined>;
  mkdir(
    path: PathLike,
    options?: number | string | MkdirOptions | null,
    ...none: never[]
  ): Promise<string | undefined>;
  mkdir(
    path: PathLike,
    options?: number | string | MkdirOptions | null,
    ...none: never[]
  ): Promise<unknown> {
    return orReject<unknown>(() => {
      refuseFurther(none, "mode", "recursive");
      const { mode, recursive } = toMkdirOptions(options);
      const control = typeof options === "object" && options !== null ? options : undefined;
      if (!recursive) return this.#onPath(operations.mkdir, path, mode, control);
      const local = toPath(path);
      return new DirectoryMaker(this.#sink, mode, toControl(control)).make(local);
    });
  }

  /**
   * Makes a symbolic link at `path` that says `target`. io_uring since Linux 5.15, a system call before.
   * @param type node:fs's type of link, which means nothing on Linux; or the options
   */
  symlink(
    target: PathLike,
    path: PathLike,
    type?: RequestOptions | string | null,
    options?: RequestOptions,
    ...none: never[]
  ): Promise<void> {
    return orReject(() => {
      const isType = typeof type === "string" || type === null || type === undefined;
      refuseFurther(isType ? none : [options, ...none]);
      const control = isType ? options : type;
      return this.#onTwoPaths(operations.symlink, target, "target", path, "path", 0, control);
    });
  }

  /** Gives the file a second name. io_uring since Linux 5.15, a system call before. */
  link(existingPath: PathLike, newPath: PathLike, options?: RequestOptions): Promise<void> {
    return this.#onTwoPaths(
      operations.link,
      existingPath,
      "existingPath",
      newPath,
      "newPath",
      0,
      options,
    );
  }

  /** Replaces the whole file, or makes it; short writes are continued. Linux 5.6. */
  writeFile(
    path: PathLike,
    data: string | BufferView,
    options?: WriteFileOptions | BufferEncoding | null,
    ...none: never[]
  ): Promise<void> {
    try {
      const local = toPath(path);
      refuseFurther(none, "encoding", "mode", "flag", "flush");
      const given = toFileOptions<WriteFileOptions>(options);
      const encoding = toEncoding(given.encoding) ?? "utf8";
      const openFlags = toOpenFlags(given.flag || "w");
      const mode = toMode(given.mode, 0o666);
      if (given.flush !== undefined && given.flush !== null && typeof given.flush !== "boolean") {
        throw invalidArgType("options.flush", "of type boolean", given.flush);
      }
      return writeWholeFile(this.#sink, {
        path: local,
        data: toBytes(data, encoding),
        openFlags,
        mode,
        flush: given.flush ?? false,
        control: toControl(given),
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Cuts the file, or lengthens it with a hole. io_uring since Linux 6.9, a system call before.
   * @param length in bytes. Default 0
   */
  truncate(path: PathLike, length = 0, options?: RequestOptions): Promise<void> {
    return orReject(() => {
      const local = toPath(path);
      checkInteger(length, "len", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      return truncateFile(this.#sink, local, Math.max(0, length), toControl(options));
    });
  }

  #onPath(
    operation: Operation,
    path: PathLike,
    mode?: number | string,
    options?: RequestOptions,
  ): Promise<void> {
    return orReject(() => {
      const local = toPath(path);
      const fileMode = toMode(mode, 0);
      const request = this.#sink.begin(operation);
      request.path = local;
      request.mode = fileMode;
      request.decode = nothing;
      return post(this.#sink, request, options);
    });
  }

  #onTwoPaths(
    operation: Operation,
    from: PathLike,
    fromName: string,
    to: PathLike,
    toName: string,
    flags: number,
    options: RequestOptions | undefined,
  ): Promise<void> {
    return orReject(() => {
      const first = toPath(from, fromName);
      const second = toPath(to, toName);
      const request = this.#sink.begin(operation);
      request.path = first;
      request.secondPath = second;
      request.flags = flags;
      request.decode = nothing;
      return post(this.#sink, request, options);
    });
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
      const request = this.#sink.begin(operations.stat);
      if (byDescriptor) request.fd = what;
      request.path = path;
      if (byDescriptor) request.syscall = "fstat";
      else if (flags !== 0) request.syscall = "lstat";
      request.flags = flags;
      request.mode = STATX_ALL;
      request.decode = given.bigint === true ? asBigIntStats : asStats;
      return post(this.#sink, request, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }
}
