import type { View } from "@ringpost/native";
import { CURRENT_POSITION, ENOSYS, OpcodeFlag, ReplyNote } from "@ringpost/protocol";
import type { Position } from "./arguments.js";
import {
  notAllowedError,
  notPolledError,
  type OperationError,
  operationError,
} from "./node-errors.js";
import { clearTimeout } from "./real-timers.js";
import { rejectTracing } from "./rejection.js";
import type { LeasedPages } from "./slabs.js";

/** Where a reply's payload lies, for what doesn't fit into a number. */
export interface ReplyPayload {
  readonly values: DataView;
  /** Byte of `values` at which the payload begins. */
  readonly at: number;
}

/** Makes the value that a request's promise resolves to. Runs while the reply is still in the mailbox. */
export type Decode = (
  request: PendingRequest,
  result: number,
  note: number,
  payload: ReplyPayload,
) => unknown;

/** Makes the error that a request's promise rejects with. */
export type Fail = (request: PendingRequest, errno: number, note: number) => Error;

export const nothing: Decode = () => undefined;

const failOperation: Fail = (request, errno, note) => request.error(errno, note);

function shown(path: string | Uint8Array | undefined): string | undefined {
  if (path === undefined || typeof path === "string") return path;
  return Buffer.from(path.buffer, path.byteOffset, path.byteLength).toString();
}

let capturedResolve: (value: unknown) => void = () => undefined;
/** One executor for all promises: it hands the function out instead of closing over anything. */
const capture = (resolve: (value: unknown) => void): void => {
  capturedResolve = resolve;
};

function rejectPromise(this: PendingRequest, error: Error): void {
  rejectTracing(this.resolvePromise, error);
}

const ignore = (): void => undefined;

const unused = new Promise<never>(ignore);

/** What a step knows of its chain. */
export interface ChainOfRequests {
  /** The steps, in order. */
  readonly requests: readonly PendingRequest[];
  resolved(request: PendingRequest, value: unknown): void;
  rejected(request: PendingRequest, error: Error): void;
}

/**
 * One request from its call to its reply: what to encode, what keeps its memory alive, whom to tell.
 * The records are reused, so that a request allocates nothing but its promise.
 */
export class PendingRequest {
  opcode = 0;
  fd = -1;
  positionLow: number = CURRENT_POSITION;
  positionHigh: number = CURRENT_POSITION;
  /** Bytes to move, or buffers of a readv or writev. */
  length = 0;
  /** Upper half of a length that may be longer than 32 bits. */
  lengthHigh = 0;
  /** Where a splice or tee writes to; -1 where there is none. */
  secondFd = -1;
  /** Of a splice: the offset in that file. Means something only beside a {@link secondFd}. */
  secondPosition = -1n;
  flags = 0;
  mode = 0;
  path: string | Uint8Array | undefined = undefined;
  /** The destination of an operation that has one: `dest` of its error. */
  secondPath: string | Uint8Array | undefined = undefined;
  /** Of an extended attribute. */
  attribute: string | undefined = undefined;
  view: View | undefined = undefined;
  views: readonly View[] | undefined = undefined;
  /** The leases that the views lie in, once the request is posted. */
  readonly leases: LeasedPages[] = [];
  /** Slab to register; only for that request. */
  slab = -1;
  /** Whether a chain collects it: it has no promise of its own. */
  isCollected = false;
  /** The chain that it is a step of, and which one. */
  chain: ChainOfRequests | undefined = undefined;
  step = 0;
  /** {@link OpcodeFlag} bits of a chain's step. */
  chainFlags = 0;
  /** By a hot read, as it is a read itself (hot-reads.ts). */
  mayBeOvertaken = false;
  /** A further step of something begun before: served while the client is closing. */
  continues = false;

  /** Whom to tell of what comes before the reply; only of a stream. */
  takeEvents: ((events: number) => void) | undefined = undefined;

  /** So many submits of the program came before it (send-off.ts). */
  postedAfter = 0;

  /** Where it is: its slot, or -1 before it has one. */
  slot = -1;
  /** While it waits for one; the line's own (waiting-line.ts). */
  placeInLine = 0;
  signal: AbortSignal | undefined = undefined;
  /** In ns of the clock of `process.hrtime`. */
  deadline: bigint | undefined = undefined;
  /** Runs while the request waits for a slot, or hasn't left; from then on, the engine's clock does. */
  timer: NodeJS.Timeout | undefined = undefined;

  syscall = "";
  /** First kernel that has the operation. */
  kernel = "";
  /** Runs when the request gets its slot: what a waiting request shouldn't hold yet. */
  prepare: ((request: PendingRequest) => void) | undefined = undefined;
  /** undefined: the promise resolves to the kernel's count. */
  decode: Decode | undefined = undefined;
  fail: Fail = failOperation;
  /** What `decode` and `fail` need besides; theirs alone. */
  context: unknown = undefined;

  /** Whom to tell; at first its promise. */
  resolve: (value: unknown) => void = ignore;
  reject: (error: Error) => void = ignore;
  /** Of the promise itself. */
  resolvePromise: (value: unknown) => void = ignore;

  /** Makes the promise of this request. */
  promise<T>(): Promise<T> {
    if (this.isCollected) return unused as Promise<T>; // its chain is told instead
    const promise = new Promise(capture);
    this.resolve = capturedResolve;
    this.reject = rejectPromise;
    this.resolvePromise = capturedResolve;
    return promise as Promise<T>; // decode makes a T, which its author knows and no type can tell
  }

  /** Whether it is a further step of what a call has begun, which knows of no submit. */
  get goesOn(): boolean {
    return this.continues && this.slab < 0;
  }

  /** Whether it works on the process's descriptor of this number. */
  uses(fd: number): boolean {
    return (
      (this.fd === fd && (this.chainFlags & OpcodeFlag.FD_OF_STEP) === 0) ||
      (this.secondFd === fd && (this.chainFlags & OpcodeFlag.SECOND_FD_OF_STEP) === 0)
    );
  }

  setPosition(position: Position | undefined): void {
    if (position === null || position === undefined) return;
    if (typeof position === "number") {
      this.positionLow = position >>> 0;
      this.positionHigh = Math.floor(position / 0x1_0000_0000) >>> 0;
    } else {
      this.positionLow = Number(BigInt.asUintN(32, position));
      this.positionHigh = Number(BigInt.asUintN(32, position >> 32n));
    }
  }

  setLongLength(length: number): void {
    this.length = length >>> 0;
    this.lengthHigh = Math.floor(length / 0x1_0000_0000);
  }

  /** The path as an error shows it. */
  shownPath(): string | undefined {
    return shown(this.path);
  }

  /** The second path as an error shows it. */
  shownDest(): string | undefined {
    return shown(this.secondPath);
  }

  /** The error of this request. */
  error(errno: number, note = 0): OperationError {
    if ((note & ReplyNote.NOT_POLLED) !== 0) return notPolledError(this.syscall);
    if ((note & ReplyNote.NOT_ALLOWED) !== 0) {
      return notAllowedError(this.syscall, this.shownPath(), this.shownDest());
    }
    const hint = errno === ENOSYS ? ` (it needs Linux ${this.kernel})` : "";
    return operationError(errno, this.syscall, this.shownPath(), this.shownDest(), hint);
  }

  /**
   * Lets go of all that it holds, for the next request. What stays is set anew by each request, or means nothing without something
   * that is reset here: `secondPosition` without `secondFd`, `step` without `chain`.
   */
  clear(): void {
    this.signal = undefined;
    if (this.deadline !== undefined) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.deadline = undefined;
    }
    this.slot = -1;
    this.fd = -1;
    this.positionLow = CURRENT_POSITION;
    this.positionHigh = CURRENT_POSITION;
    this.length = 0;
    this.lengthHigh = 0;
    this.secondFd = -1;
    this.flags = 0;
    this.mode = 0;
    this.path = undefined;
    this.secondPath = undefined;
    this.attribute = undefined;
    this.view = undefined;
    this.views = undefined;
    this.slab = -1;
    this.isCollected = false;
    this.chain = undefined;
    this.chainFlags = 0;
    this.mayBeOvertaken = false;
    this.continues = false;
    this.takeEvents = undefined;
    this.prepare = undefined;
    this.decode = undefined;
    this.fail = failOperation;
    this.context = undefined;
    this.resolve = ignore;
    this.reject = ignore;
    this.resolvePromise = ignore;
  }
}
