/** What a client does with open files: the part of {@link Client} whose methods take a descriptor. */
import type { View } from "@ringpost/native";
import { MAX_TRANSFER_BYTES, type Operation, operations } from "@ringpost/protocol";
import {
  checkFd,
  checkInteger,
  furtherArgument,
  INT32_MAX,
  type Position,
  refuseFurther,
  toPart,
  toView,
  toViews,
  UINT32_MAX,
} from "./arguments.js";
import type { RequestSink } from "./backend.js";
import { outOfRange } from "./node-errors.js";
import {
  type BufferView,
  type ReadWriteOptions,
  type RequestOptions,
  type TransferOptions,
  toPosition,
  toTransferFlags,
} from "./options.js";
import { nothing } from "./pending-request.js";
import { orReject, post, postForDescriptor, postStrictly } from "./post.js";

export class DescriptorRequests {
  readonly #sink: RequestSink;

  protected constructor(sink: RequestSink) {
    this.#sink = sink;
  }

  /** Closes a descriptor. Linux 5.6. */
  close(fd: number): Promise<void> {
    return postForDescriptor(this.#sink, operations.close, fd);
  }

  /**
   * Reads into the view. Linux 5.6. What is cached the client may read by itself: option `hotReads` of `Engine.start`.
   * @param options a number or bigint is the position
   * @param none refused: node:fs's offset, length and position one by one, as `options` has all three
   * @returns bytes read: fewer than the view has at the end of the file, or after a short read; 0 at the end
   */
  read(
    fd: number,
    view: BufferView,
    options?: ReadWriteOptions | Position,
    ...none: never[]
  ): Promise<number> {
    return this.#transfer(operations.read, fd, view, options, none);
  }

  /**
   * Writes the view. Linux 5.6.
   * @param options a number or bigint is the position
   * @param none refused: node:fs's offset, length and position one by one, as `options` has all three
   * @returns bytes written; rarely fewer than the view has (a full device, a pipe): the caller goes on with the rest
   */
  write(
    fd: number,
    view: BufferView,
    options?: ReadWriteOptions | Position,
    ...none: never[]
  ): Promise<number> {
    return this.#transfer(operations.write, fd, view, options, none);
  }

  /** Reads into several views, one after the other. At most 1024. Linux 5.1. Returns as {@link read}. */
  readv(
    fd: number,
    views: readonly BufferView[],
    options?: TransferOptions | Position,
    ...none: never[]
  ): Promise<number> {
    return this.#transferVectors(operations.readv, fd, views, options, none);
  }

  /** Writes several views, one after the other. At most 1024. Linux 5.1. Returns as {@link write}. */
  writev(
    fd: number,
    views: readonly BufferView[],
    options?: TransferOptions | Position,
    ...none: never[]
  ): Promise<number> {
    return this.#transferVectors(operations.writev, fd, views, options, none);
  }

  /** Resolves when data and metadata of the file are on the device. Linux 5.1. */
  fsync(fd: number, options?: RequestOptions): Promise<void> {
    return postForDescriptor(this.#sink, operations.fsync, fd, options);
  }

  /** Resolves when the data is on the device, and the metadata needed to read it. Linux 5.1. */
  fdatasync(fd: number, options?: RequestOptions): Promise<void> {
    return postForDescriptor(this.#sink, operations.fdatasync, fd, options);
  }

  /**
   * Cuts the file, or lengthens it with a hole. io_uring since Linux 6.9, a system call before.
   * @param length in bytes. Default 0
   */
  ftruncate(fd: number, length = 0, options?: RequestOptions): Promise<void> {
    return orReject(() => {
      checkInteger(length, "len", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      return this.#onRange(operations.ftruncate, fd, Math.max(0, length), 0, 0, options);
    });
  }

  /**
   * Reserves, frees, zeroes, inserts or removes a range of the file: fallocate(2). Linux 5.6.
   * @param mode FALLOC_FL_* flags of include/uapi/linux/falloc.h; 0 reserves
   * @param offset in bytes
   * @param length in bytes
   */
  fallocate(
    fd: number,
    mode: number,
    offset: number,
    length: number,
    options?: RequestOptions,
  ): Promise<void> {
    return this.#onRange(operations.fallocate, fd, offset, length, 0, options, mode);
  }

  /**
   * Tells the kernel how a range will be used: posix_fadvise(2). Linux 5.6.
   * @param offset in bytes
   * @param length in bytes; 0: to the end
   * @param advice POSIX_FADV_* of include/uapi/linux/fadvise.h: 0 normal, 1 random, 2 sequential, 3 will need, 4 won't need
   */
  fadvise(
    fd: number,
    offset: number,
    length: number,
    advice: number,
    options?: RequestOptions,
  ): Promise<void> {
    return this.#onRange(operations.fadvise, fd, offset, length, advice, options);
  }

  /**
   * Writes a range of the file back, without its metadata: sync_file_range(2), no promise of durability. Linux 5.2.
   * @param offset in bytes
   * @param length in bytes, less than 4 GiB; 0: to the end
   * @param flags SYNC_FILE_RANGE_* of include/uapi/linux/fs.h. Default: write and wait (2 | 4)
   */
  syncFileRange(
    fd: number,
    offset: number,
    length: number,
    flags = 6,
    options?: RequestOptions,
  ): Promise<void> {
    return this.#onRange(
      operations.syncFileRange,
      fd,
      offset,
      length,
      flags,
      options,
      0,
      UINT32_MAX,
    );
  }

  #onRange(
    operation: Operation,
    fd: number,
    offset: number,
    length: number,
    flags: number,
    options: RequestOptions | undefined,
    mode = 0,
    mostLength: number = Number.MAX_SAFE_INTEGER,
  ): Promise<void> {
    return orReject(() => {
      checkFd(fd);
      checkInteger(offset, "offset", 0, Number.MAX_SAFE_INTEGER);
      checkInteger(length, "length", 0, mostLength);
      checkInteger(flags, "flags", 0, INT32_MAX);
      checkInteger(mode, "mode", 0, INT32_MAX);
      const request = this.#sink.begin(operation);
      request.fd = fd;
      request.setPosition(offset);
      request.setLongLength(length);
      request.flags = flags;
      request.mode = mode;
      request.decode = nothing;
      return postStrictly(this.#sink, request, options);
    });
  }

  #transfer(
    operation: Operation,
    fd: number,
    buffer: BufferView,
    options: ReadWriteOptions | Position | undefined,
    further: readonly never[],
  ): Promise<number> {
    let view: View;
    let position: Position | undefined;
    let flags: number;
    try {
      checkFd(fd);
      view = toView(buffer);
      // Even where it is undefined: node:fs would take the options for the offset.
      if (further.length > 0)
        throw furtherArgument(further[0], "offset", "length", "position", "flags");
      if (typeof options === "object" && options !== null) view = toPart(view, options);
      position = toPosition(options);
      flags = toTransferFlags(options);
    } catch (error) {
      return Promise.reject(error);
    }
    const request = this.#sink.begin(operation);
    if (request.isCollected && view.byteLength > MAX_TRANSFER_BYTES) {
      // No transfer moves all of it, so that the chain couldn't go on.
      return Promise.reject(outOfRange("length", `<= ${MAX_TRANSFER_BYTES}`, view.byteLength));
    }
    request.fd = fd;
    request.view = view;
    request.length = Math.min(view.byteLength, MAX_TRANSFER_BYTES);
    request.flags = flags;
    request.setPosition(position);
    return post(this.#sink, request, typeof options === "object" ? options : undefined);
  }

  #transferVectors(
    operation: Operation,
    fd: number,
    buffers: readonly BufferView[],
    options: TransferOptions | Position | undefined,
    further: readonly never[],
  ): Promise<number> {
    let views: View[];
    let position: Position | undefined;
    let flags: number;
    try {
      checkFd(fd);
      views = toViews(buffers);
      refuseFurther(further, "position", "flags");
      position = toPosition(options);
      flags = toTransferFlags(options);
    } catch (error) {
      return Promise.reject(error);
    }
    if (views.length === 0) return Promise.resolve(0);
    const request = this.#sink.begin(operation);
    request.fd = fd;
    request.views = views;
    request.length = views.length;
    request.flags = flags;
    request.setPosition(position);
    return post(this.#sink, request, typeof options === "object" ? options : undefined);
  }
}
