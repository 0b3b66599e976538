import {
  checkFd,
  checkInteger,
  type PathLike,
  refuseFurther,
  toEncoding,
  toOpenFlags,
  toPath,
} from "./arguments.js";
import type { Backend } from "./backend.js";
import { Chain } from "./chain.js";
import { type ChainOptions, ChainSteps } from "./chain-steps.js";
import { EventRequests } from "./event-requests.js";
import {
  type CloseOptions,
  type ReadFileOptions,
  type RequestOptions,
  requestNames,
  toControl,
  toFileOptions,
  toGraceMs,
  toOptions,
} from "./options.js";
import { PollStream } from "./poll-stream.js";
import { orReject } from "./post.js";
import { WholeFileReader } from "./read-file.js";
import type { Lease } from "./slabs.js";
import { StepCollector } from "./step-collector.js";

/** Whether the client takes requests. Who has one need not ask: a request says so by its error. */
export let isOpen: (client: Client) => boolean;

/**
 * One thread's endpoint to an engine. Its methods have the names, arguments and errors of node:fs; each posts one request and
 * returns a promise. Wrong arguments reject with `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` or `ERR_INVALID_ARG_VALUE`; failed
 * operations with the error that node:fs would give; a closed client or engine with `ERR_RINGPOST_CLOSED`.
 *
 * "Linux 5.7" is the first kernel whose io_uring has what a method does; ringpost needs 5.6 in any case. On older ones it rejects with
 * ENOSYS, where nothing else is said.
 *
 * A buffer belongs to its request until the promise settles: as with node:fs, don't write to it, transfer it or resize it.
 */
export class Client extends EventRequests implements AsyncDisposable {
  readonly #backend: Backend;
  readonly #files: WholeFileReader;
  /** Of chains: what collects the steps, and the methods that fill them. Made with the first chain. */
  #collector: StepCollector | undefined;
  #stepper: EventRequests | undefined;

  static {
    isOpen = (client) => client.#backend.isOpen;
  }

  /** @internal Use `Engine.start` or `connect`. */
  constructor(backend: Backend) {
    super(backend);
    this.#backend = backend;
    this.#files = new WholeFileReader(backend);
  }

  /** What serves this client: always "io_uring", as long as ringpost has no other backend. */
  get backend(): "io_uring" | "threadpool" {
    return this.#backend.name;
  }

  /**
   * Closes a descriptor. Linux 5.6. What waits on it in this engine (a read of an empty pipe, say) is cancelled first, and rejects
   * with ECANCELED. What was posted before, and ends by itself (transfers of files, an fsync, the steps of a chain), is carried out
   * before; of several rings, what their own clients have posted. What waits for somebody, as a splice may for its pipe, has 100 ms
   * (at once where the close itself waits for a credit or a drain), and is cancelled then. Never cancelled itself.
   */
  override close(fd: number): Promise<void>;
  /** Without an argument: closes the client itself, as {@link disconnect}. */
  override close(): Promise<void>;
  override close(...given: [fd?: number]): Promise<void> {
    // By their number, not their value: a descriptor that is undefined by mistake must not close the client.
    if (given.length === 0) return this.disconnect();
    return super.close(given[0]!); // that refuses an undefined one
  }

  /**
   * Closes the client. No more requests are taken (`ERR_RINGPOST_CLOSED`) but {@link close} of descriptors; those in flight finish, or are
   * cancelled when nothing moves any more. Idempotent.
   */
  disconnect(options?: CloseOptions): Promise<void> {
    return orReject(() => {
      return this.#backend.close(toGraceMs(options));
    });
  }

  /**
   * The whole file, whatever its size says: right for /proc, pipes, and files that grow. At most 2 GiB
   * (`ERR_FS_FILE_TOO_LARGE`). Linux 5.6. A small one that is cached the client may read by itself: option `hotReads` of `Engine.start`.
   */
  readFile(
    path: PathLike,
    options?: (ReadFileOptions & { readonly encoding?: null | undefined }) | null,
  ): Promise<Buffer>;
  readFile(
    path: PathLike,
    options: BufferEncoding | (ReadFileOptions & { readonly encoding: BufferEncoding }),
  ): Promise<string>;
  readFile(
    path: PathLike,
    options?: ReadFileOptions | BufferEncoding | null,
  ): Promise<Buffer | string>;
  readFile(
    path: PathLike,
    options?: ReadFileOptions | BufferEncoding | null,
    ...none: never[]
  ): Promise<Buffer | string> {
    try {
      const local = toPath(path);
      refuseFurther(none, "encoding", "flag");
      const { encoding, flag } = toFileOptions<ReadFileOptions>(options);
      const decodeAs = toEncoding(encoding);
      const bytes = this.#files.read(
        local,
        toOpenFlags(flag || "r"), // what is empty is the default, to node:fs
        toControl(typeof options === "string" ? undefined : options),
      );
      return decodeAs === undefined ? bytes : bytes.then((buffer) => buffer.toString(decodeAs));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The events of a descriptor, as they come, in place of one {@link poll} after the other: each value is the events since the last
   * one, and none is lost. Begins with the first `next`, and ends after a hang-up or an error of the descriptor (its value is the last);
   * when `for await` is left, or `return` called, which resolves when the kernel has let go; and by `signal`, by `timeoutMs` (of
   * the whole stream), by {@link cancel} or {@link close} of the descriptor, in whose case `next` rejects as poll would.
   * Holds a credit meanwhile, and counts as posted: a chain with `drain` waits for its end. Linux 5.13; one poll after the other before.
   * @param events as of {@link poll}. Told when they begin, not for as long as they last: so read until there is nothing left.
   * A file is always ready, and each `next` says so
   * @throws of wrong arguments, at once
   */
  pollEvents(fd: number, events: number, options?: RequestOptions): PollStream {
    checkFd(fd);
    checkInteger(events, "events", 0, 0xffff);
    const control = toControl(toOptions<RequestOptions>(options, requestNames));
    return new PollStream(this.#backend, fd, events, control);
  }

  /** A chain of operations, which the engine runs one after the other: {@link Chain}. */
  chain(options?: ChainOptions): Chain {
    this.#collector ??= new StepCollector(this.#backend);
    this.#stepper ??= new EventRequests(this.#collector);
    return new Chain(new ChainSteps(this.#backend, this.#collector, options), this.#stepper);
  }

  /**
   * Lends page-aligned memory that is registered with the ring: fit for O_DIRECT, cheaper in read and write, which use it as
   * such by themselves (READ_FIXED, WRITE_FIXED; Linux 5.19, plain memory before). Give it back with `using`, or
   * `[Symbol.dispose]()`.
   *
   * Leases are cut from slabs, each for leases of one size. A slab takes 2 MiB, or what one lease needs, all of it resident from its
   * first lease on: that lease waits for it. It is lent again and again, and kept until the client closes and is collected. A
   * client has 64 of them. Leases beyond those, or of more than 1 GiB, are plain memory, which only their user keeps; so are, without
   * a word, those whose slab the kernel refuses to register. Without CAP_IPC_LOCK the memlock limit bounds what is registered by
   * all processes of the user (`ulimit -l`, often 8 MiB: four slabs). See `slabsRegistered` and `slabsRefused` of `engine.stats()`.
   * @param bytes 1 to 2 GiB less a page; rounded up to a power of two of pages
   * @throws of wrong arguments; `ERR_RINGPOST_CLOSED`
   */
  lease(bytes: number): Lease {
    return this.#backend.lease(bytes);
  }

  /**
   * Cancels what this client has under way on a descriptor: that rejects with ECANCELED, or resolves if it was done already. For
   * one operation alone, give it a `signal`.
   * @throws of wrong arguments; `ERR_RINGPOST_CLOSED`
   */
  cancel(fd: number): void {
    checkFd(fd);
    this.#backend.cancelDescriptor(fd);
  }

  /**
   * As {@link cancel}, of everything that this client has under way.
   * @throws `ERR_RINGPOST_CLOSED`
   */
  cancelAll(): void {
    this.#backend.cancelAll();
  }

  /**
   * Hands over what was posted, now. It would go by itself at the end of this turn of the event loop, unless the engine was started
   * with `submit: "manual"` or a threshold.
   */
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
}
