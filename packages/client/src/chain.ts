/**
 * The face of a chain: the client's methods, each of which adds a step. native/src/chains.cc runs what is collected here.
 */
import type { BigIntStats, Stats } from "node:fs";
import { MAX_TRANSFER_BYTES, OpcodeFlag } from "@ringpost/protocol";
import type { PathLike, Position } from "./arguments.js";
import type { ChainOutcome } from "./chain-outcome.js";
import { type ChainFd, type ChainSteps, OpenedFile } from "./chain-steps.js";
import type { ChildIdType, ChildState, WaitidOptions } from "./child-state.js";
import type { EventRequests } from "./event-requests.js";
import { invalidArgValue, outOfRange } from "./node-errors.js";
import type {
  BufferView,
  MkdirOptions,
  Openat2Options,
  ReadWriteOptions,
  RenameOptions,
  RequestOptions,
  SetxattrOptions,
  StatOptions,
  StatxOptions,
  TransferOptions,
  WriteFileOptions,
} from "./options.js";
import type { Statx } from "./stat-result.js";

const NO_BYTES = new Uint8Array(0);

/** The client does nothing for no views at all; a step has to be posted, or the chain would have none in its place. */
const atLeastOne = (views: readonly BufferView[]): readonly BufferView[] =>
  Array.isArray(views) && views.length === 0 ? [NO_BYTES] : views;

/**
 * Operations that the engine runs one after the other, with no way back to JavaScript between them.
 *
 * ```ts
 * const [bytes] = await client.chain().write(fd, record, { position }).fdatasync(fd).run();
 * await client.chain().open(path).read(opened, buffer).run(); // and closed, with the chain
 * ```
 *
 * A step runs if the one before it did all it was to do: an error breaks the chain, and so does a transfer of fewer bytes than
 * its buffer has. After {@link hardLink} it runs in any case. The steps that don't run say ECANCELED.
 *
 * A file that a step opens is the chain's own, in the ring's table and not in the process's (Linux 5.19; an ordinary descriptor
 * before): `opened` means it in the later steps, and it is closed when the chain is over, whatever becomes of it.
 *
 * What makes a descriptor that the program is to keep is no step (a `pipe`), nor what is more than one request by itself (a `readFile`,
 * a `getxattr`).
 *
 * Each method takes the arguments of the client's; wrong ones reject {@link run}, and nothing runs. Once it runs, they throw
 * `ERR_INVALID_STATE`.
 */
export class Chain<Results extends unknown[] = []> {
  readonly #steps: ChainSteps;
  /** The client's methods: they fill the steps' requests. */
  readonly #client: EventRequests;

  /** @internal Use `client.chain()`. */
  constructor(steps: ChainSteps, client: EventRequests) {
    this.#steps = steps;
    this.#client = client;
  }

  /** Without arguments: the next step runs if the last one did all it was to do, which is the default. */
  link(): this;
  /** With two paths: a step that gives the file a second name. */
  link(
    existingPath: PathLike,
    newPath: PathLike,
    options?: RequestOptions,
  ): Chain<[...Results, undefined]>;
  link(...given: [existingPath?: PathLike, newPath?: PathLike, options?: RequestOptions]): unknown {
    if (given.length > 0) return this.#addSilent(this.#client.link(given[0]!, given[1]!, given[2]));
    this.#steps.join(OpcodeFlag.LINK);
    return this;
  }

  /** The next step runs whatever becomes of the last one. */
  hardLink(): this {
    this.#steps.join(OpcodeFlag.HARD_LINK);
    return this;
  }

  /** As the option `drain` of `client.chain`. */
  drain(): this {
    this.#steps.drain();
    return this;
  }

  /**
   * Runs it, once: `ERR_INVALID_STATE` the second time.
   * @returns what each step came to. Rejects with a `ChainError` where one failed, or moved fewer bytes than the next one counts
   * on (`ERR_RINGPOST_SHORT_TRANSFER`): its `step` says which, and its `results` what each came to. `ERR_OUT_OF_RANGE` where it has no
   * steps, or more than a client has credits.
   */
  run(): Promise<Results> {
    return this.#steps.run() as Promise<Results>; // as the steps were added
  }

  /** As {@link run}, and resolves to what all steps came to even where the chain broke. */
  settle(): Promise<ChainOutcome> {
    return this.#steps.settle();
  }

  #add<T>(promise: Promise<T>): Chain<[...Results, T]> {
    this.#steps.add(promise);
    return this as unknown as Chain<[...Results, T]>; // one more result from here on
  }

  /** Of an operation that resolves to nothing. */
  #addSilent(promise: Promise<unknown>): Chain<[...Results, undefined]> {
    return this.#add(promise as Promise<undefined>); // by its decode
  }

  nop(options?: RequestOptions): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.nop(options));
  }

  /** Opens a file for this chain: `opened` in the steps behind. Has no result. */
  open(
    path: PathLike,
    flags?: string | number,
    mode?: number | string,
    options?: RequestOptions,
  ): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.open(path, flags, mode, options));
  }

  /** As {@link open}, with what the path must not lead through. */
  openat2(path: PathLike, options?: Openat2Options): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.openat2(path, options));
  }

  close(fd: ChainFd): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.close(this.#steps.fd(fd)));
  }

  read(
    fd: ChainFd,
    view: BufferView,
    options?: ReadWriteOptions | Position,
    ...none: never[]
  ): Chain<[...Results, number]> {
    return this.#add(this.#client.read(this.#steps.fd(fd), view, options, ...none));
  }

  write(
    fd: ChainFd,
    view: BufferView,
    options?: ReadWriteOptions | Position,
    ...none: never[]
  ): Chain<[...Results, number]> {
    return this.#add(this.#client.write(this.#steps.fd(fd), view, options, ...none));
  }

  readv(
    fd: ChainFd,
    views: readonly BufferView[],
    options?: TransferOptions | Position,
    ...none: never[]
  ): Chain<[...Results, number]> {
    return this.#add(this.#client.readv(this.#steps.fd(fd), atLeastOne(views), options, ...none));
  }

  writev(
    fd: ChainFd,
    views: readonly BufferView[],
    options?: TransferOptions | Position,
    ...none: never[]
  ): Chain<[...Results, number]> {
    return this.#add(this.#client.writev(this.#steps.fd(fd), atLeastOne(views), options, ...none));
  }

  fsync(fd: ChainFd, options?: RequestOptions): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.fsync(this.#steps.fd(fd), options));
  }

  fdatasync(fd: ChainFd, options?: RequestOptions): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.fdatasync(this.#steps.fd(fd), options));
  }

  ftruncate(
    fd: ChainFd,
    length?: number,
    options?: RequestOptions,
  ): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.ftruncate(this.#steps.fd(fd), length, options));
  }

  fallocate(
    fd: ChainFd,
    mode: number,
    offset: number,
    length: number,
    options?: RequestOptions,
  ): Chain<[...Results, undefined]> {
    return this.#addSilent(
      this.#client.fallocate(this.#steps.fd(fd), mode, offset, length, options),
    );
  }

  fadvise(
    fd: ChainFd,
    offset: number,
    length: number,
    advice: number,
    options?: RequestOptions,
  ): Chain<[...Results, undefined]> {
    return this.#addSilent(
      this.#client.fadvise(this.#steps.fd(fd), offset, length, advice, options),
    );
  }

  syncFileRange(
    fd: ChainFd,
    offset: number,
    length: number,
    flags?: number,
    options?: RequestOptions,
  ): Chain<[...Results, undefined]> {
    return this.#addSilent(
      this.#client.syncFileRange(this.#steps.fd(fd), offset, length, flags, options),
    );
  }

  stat(
    what: PathLike | ChainFd,
    options?: StatOptions & { readonly bigint?: false | undefined },
  ): Chain<[...Results, Stats]>;
  stat(
    what: PathLike | ChainFd,
    options: StatOptions & { readonly bigint: true },
  ): Chain<[...Results, BigIntStats]>;
  stat(what: PathLike | ChainFd, options?: StatOptions): Chain<[...Results, Stats | BigIntStats]>;
  stat(what: PathLike | ChainFd, options?: StatOptions): Chain<[...Results, unknown]> {
    return this.#add(this.#client.stat(this.#target(what), options));
  }

  lstat(
    path: PathLike,
    options?: StatOptions & { readonly bigint?: false | undefined },
  ): Chain<[...Results, Stats]>;
  lstat(
    path: PathLike,
    options: StatOptions & { readonly bigint: true },
  ): Chain<[...Results, BigIntStats]>;
  lstat(path: PathLike, options?: StatOptions): Chain<[...Results, Stats | BigIntStats]>;
  lstat(path: PathLike, options?: StatOptions): Chain<[...Results, unknown]> {
    return this.#add(this.#client.lstat(path, options));
  }

  statx(what: PathLike | ChainFd, options?: StatxOptions): Chain<[...Results, Statx]> {
    return this.#add(this.#client.statx(this.#target(what), options));
  }

  #target(what: PathLike | ChainFd): PathLike | number {
    return what instanceof OpenedFile ? this.#steps.fd(what) : what;
  }

  rename(
    oldPath: PathLike,
    newPath: PathLike,
    options?: RenameOptions,
  ): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.rename(oldPath, newPath, options));
  }

  unlink(path: PathLike, options?: RequestOptions): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.unlink(path, options));
  }

  rmdir(path: PathLike, options?: RequestOptions): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.rmdir(path, options));
  }

  /** Without `recursive`, which is more than one step. */
  mkdir(
    path: PathLike,
    options?: number | string | (MkdirOptions & { readonly recursive?: false | undefined }) | null,
    ...none: never[]
  ): Chain<[...Results, undefined]> {
    const given = options as MkdirOptions | null | undefined; // of numbers and strings it is undefined
    if (given?.recursive) {
      this.#steps.refuse(invalidArgValue("options.recursive", true, "is no step of a chain"));
      return this.#addSilent(Promise.resolve());
    }
    return this.#addSilent(this.#client.mkdir(path, options, ...none));
  }

  symlink(
    target: PathLike,
    path: PathLike,
    type?: RequestOptions | string | null,
    options?: RequestOptions,
    ...none: never[]
  ): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.symlink(target, path, type, options, ...none));
  }

  setxattr(
    what: PathLike | ChainFd,
    name: string,
    value: string | BufferView,
    options?: SetxattrOptions,
  ): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.setxattr(this.#target(what), name, value, options));
  }

  splice(
    fdIn: ChainFd,
    offIn: Position,
    fdOut: ChainFd,
    offOut: Position,
    length: number,
    flags?: number,
    options?: RequestOptions,
  ): Chain<[...Results, number]> {
    const [from, to] = [this.#steps.fd(fdIn), this.#steps.secondFd(fdOut)];
    return this.#add(this.#client.splice(from, offIn, to, offOut, length, flags, options));
  }

  tee(
    fdIn: ChainFd,
    fdOut: ChainFd,
    length: number,
    flags?: number,
    options?: RequestOptions,
  ): Chain<[...Results, number]> {
    const [from, to] = [this.#steps.fd(fdIn), this.#steps.secondFd(fdOut)];
    return this.#add(this.#client.tee(from, to, length, flags, options));
  }

  poll(fd: ChainFd, events: number, options?: RequestOptions): Chain<[...Results, number]> {
    return this.#add(this.#client.poll(this.#steps.fd(fd), events, options));
  }

  madvise(
    view: BufferView,
    advice: number,
    options?: RequestOptions,
  ): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.madvise(view, advice, options));
  }

  /** A pause. */
  timeout(ms: number, options?: RequestOptions): Chain<[...Results, undefined]> {
    return this.#addSilent(this.#client.timeout(ms, options));
  }

  waitid(
    idType: ChildIdType,
    id: number,
    options?: WaitidOptions,
  ): Chain<[...Results, ChildState]> {
    return this.#add(this.#client.waitid(idType, id, options));
  }

  /** The next step runs as well where the word holds something else by then. */
  futexWait(
    array: Int32Array,
    index: number,
    expected: number,
    options?: RequestOptions,
  ): Chain<[...Results, "ok" | "not-equal"]> {
    return this.#add(this.#client.futexWait(array, index, expected, options));
  }

  futexWake(
    array: Int32Array,
    index: number,
    count?: number,
    options?: RequestOptions,
  ): Chain<[...Results, number]> {
    return this.#add(this.#client.futexWake(array, index, count, options));
  }

  /** Of data that one write can move: just less than 2 GiB. */
  writeFile(
    path: PathLike,
    data: string | BufferView,
    options?: WriteFileOptions | BufferEncoding | null,
    ...none: never[]
  ): Chain<[...Results, undefined]> {
    if (typeof data !== "string" && data?.byteLength > MAX_TRANSFER_BYTES) {
      this.#steps.refuse(
        outOfRange("data.byteLength", `<= ${MAX_TRANSFER_BYTES}`, data.byteLength),
      );
      return this.#addSilent(Promise.resolve());
    }
    return this.#addSilent(this.#client.writeFile(path, data, options, ...none));
  }
}
