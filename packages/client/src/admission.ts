/** Whether a request is taken now, waits for a slot, or is refused. Client's thread. */
import {
  ECANCELED,
  ENAMETOOLONG,
  ENOENT,
  ETIMEDOUT,
  OpcodeFlag,
  operations,
  Stage,
} from "@ringpost/protocol";
import { pathFits } from "./encode-request.js";
import { abortError, closedError, queueFullError } from "./node-errors.js";
import type { PendingRequest } from "./pending-request.js";
import { clearTimeout, hrtime, setTimeout } from "./real-timers.js";
import type { SignalWatch } from "./signal-watch.js";
import type { Slabs } from "./slabs.js";
import type { SlotTable } from "./slot-table.js";
import type { WaitingLine } from "./waiting-line.js";

export type BackendState = "open" | "closing" | "closed";

/** Rounded up: a timer must not ring before its time. */
export const msUntil = (deadline: bigint): number =>
  Math.max(1, Math.ceil(Number(deadline - hrtime.bigint()) / 1e6));

/** What has to be placed together with a request: itself, or all steps of its chain, of which the first stands in the line. */
const stepsOf = (request: PendingRequest): readonly PendingRequest[] =>
  request.chain?.requests ?? [request];

/** Which stands in the line for it. */
export const firstOf = (request: PendingRequest): PendingRequest => stepsOf(request)[0] ?? request;

const isClose = ({ opcode }: PendingRequest): boolean => opcode === operations.close.opcode;

/** A close of its own is never cancelled: its descriptor would stay open. */
const staysInLine = (request: PendingRequest): boolean =>
  isClose(request) && request.chain === undefined;

/**
 * The descriptors that are closed by what stands in the line. Not those that a chain opens itself, nor any of a chain that drains:
 * its closes end nothing before its turn.
 */
function closedBy(first: PendingRequest): readonly number[] {
  if (first.chain === undefined) return isClose(first) ? [first.fd] : [];
  const drains = (first.chainFlags & OpcodeFlag.DRAIN) !== 0;
  const closes = (step: PendingRequest): boolean =>
    isClose(step) && (step.chainFlags & OpcodeFlag.FD_OF_STEP) === 0;
  return drains ? [] : first.chain.requests.filter(closes).map(({ fd }) => fd);
}

/** Closes that a client takes while it is closing: more than a process has descriptors, as a rule. */
const MOST_LATE_CLOSES = 65_536;

/** Why the request can't be taken, now or ever, by a client that isn't closed. */
function refusalOf(request: PendingRequest): Error | undefined {
  if (request.signal?.aborted) return abortError(request.signal);
  return request.path === undefined ? undefined : refusalOfPaths(request);
}

function refusalOfPaths(request: PendingRequest): Error | undefined {
  if (!pathFits(request.path) || !pathFits(request.secondPath)) {
    return request.fail(request, ENAMETOOLONG, Stage.OPEN);
  }
  if (request.path?.length === 0 || request.secondPath?.length === 0) {
    return request.fail(request, ENOENT, Stage.OPEN);
  }
  return undefined;
}

export class Admission {
  readonly #line: WaitingLine;
  readonly #slots: SlotTable;
  readonly #slabs: Slabs;
  readonly #signals: SignalWatch;
  readonly #onMovedUp: () => void;
  readonly #onClosing: (fd: number) => void;
  #lateCloses = 0;
  /** How many closes of a descriptor wait. */
  readonly #closing = new Map<number, number>();

  /**
   * @param onMovedUp some wait no longer: there may be slots enough for those behind them
   * @param onClosing the engine has a request on a descriptor whose close waits: perhaps for the very slot of one that waits on it
   */
  constructor(
    line: WaitingLine,
    slots: SlotTable,
    slabs: Slabs,
    signals: SignalWatch,
    onMovedUp: () => void,
    onClosing: (fd: number) => void,
  ) {
    this.#line = line;
    this.#slots = slots;
    this.#slabs = slabs;
    this.#signals = signals;
    this.#onMovedUp = onMovedUp;
    this.#onClosing = onClosing;
  }

  /** Returns whether the caller is to place it now; if not, it waits, or has been refused. */
  admits(request: PendingRequest, state: BackendState): boolean {
    const refusal = this.#closedFor(request, state) ?? refusalOf(request);
    if (refusal !== undefined) {
      this.#slots.refuse(request, refusal);
      return false;
    }
    if (this.#slots.freeCount > 0 && this.#line.isEmpty) return this.#holds(request);
    this.#wait(request);
    return false;
  }

  /** As {@link admits}, of all steps of a chain: they are placed together. */
  admitsChain(steps: readonly PendingRequest[], state: BackendState): boolean {
    for (const step of steps) {
      const refusal = this.#closedFor(step, state) ?? refusalOf(step);
      if (refusal !== undefined) {
        this.#refuseAll(step, refusal);
        return false;
      }
    }
    if (this.#slots.freeCount >= steps.length && this.#line.isEmpty) {
      for (const step of steps) if (!this.#holds(step)) return false;
      return true;
    }
    if (steps[0] !== undefined) this.#wait(steps[0]);
    return false;
  }

  /**
   * While it is closing, a client goes on with what has begun, and a job that is cut off may close its files; but who closes again and
   * again, whatever comes of it, doesn't keep it open for ever.
   */
  #closedFor(request: PendingRequest, state: BackendState): Error | undefined {
    if (state === "open") return undefined;
    if (state === "closing") {
      if (request.continues) return undefined;
      if (staysInLine(request) && this.#lateCloses++ < MOST_LATE_CLOSES) return undefined;
    }
    return closedError("client");
  }

  #wait(request: PendingRequest): void {
    if (request.continues) {
      this.#line.goAhead(request);
    } else if (!this.#line.join(request, this.#lateCloses > 0)) {
      const { syscall } = request;
      const full = [syscall, request.shownPath(), request.shownDest()] as const;
      this.#refuseAll(request, queueFullError(this.#line.limit, ...full));
      return;
    }
    for (const fd of closedBy(request)) {
      this.#closing.set(fd, (this.#closing.get(fd) ?? 0) + 1);
      this.#onClosing(fd);
    }
    for (const step of stepsOf(request)) {
      if (!this.#holds(step)) return;
      if (step.deadline === undefined) continue;
      step.timer = setTimeout(() => this.#expire(step), msUntil(step.deadline));
    }
  }

  /**
   * From the post on: a lease that is given back may be lent again. Returns false where the request's signal throws instead of
   * listening: then it and its chain are refused.
   */
  #holds(request: PendingRequest): boolean {
    this.#slabs.use(request);
    if (request.signal === undefined) return true;
    try {
      this.#signals.add(request.signal, request);
      return true;
    } catch (error) {
      this.#remove(firstOf(request)); // it may have joined already
      this.#refuseAll(request, error as Error);
      return false;
    }
  }

  /** Places those for which there are slots now, in order: a chain that needs more of them holds up those behind it, as one that is held back. */
  placeWaiting(
    isHeldBack: (first: PendingRequest) => boolean,
    place: (request: PendingRequest) => void,
  ): void {
    while (this.#slots.freeCount > 0) {
      const next = this.#line.first();
      if (next === undefined || stepsOf(next).length > this.#slots.freeCount) return;
      if (isHeldBack(next)) return;
      this.#line.leave();
      this.#closesLeave(next);
      // The closes that wait for it are told of behind all its steps: between them an entry would tear a chain apart. And looked for
      // before, as the record of a step that is placed may be another request's by then.
      const steps = stepsOf(next);
      const closing = this.#closing.size > 0 ? this.#closingOf(steps) : [];
      for (const step of steps) {
        clearTimeout(step.timer);
        place(step);
      }
      for (const fd of closing) this.#onClosing(fd);
    }
  }

  /** The descriptors that they work on, and whose closes wait. */
  #closingOf(steps: readonly PendingRequest[]): readonly number[] {
    return steps.flatMap((step) =>
      [step.fd, step.secondFd].filter((fd) => this.#closing.has(fd) && step.uses(fd)),
    );
  }

  /** Whether a close of the descriptor waits. */
  isToClose(fd: number): boolean {
    return this.#closing.has(fd);
  }

  /** Of what stood in the line: it was counted when it came. */
  #closesLeave(first: PendingRequest): void {
    for (const fd of closedBy(first)) {
      const left = this.#closing.get(fd)! - 1;
      if (left > 0) this.#closing.set(fd, left);
      else this.#closing.delete(fd);
    }
  }

  /** Returns false where it isn't in the line. */
  #remove(first: PendingRequest): boolean {
    if (!this.#line.remove(first)) return false;
    this.#closesLeave(first);
    return true;
  }

  /** How many wait; a chain counts once. */
  get waiting(): number {
    return this.#line.length;
  }

  /** Resolves when nobody waits. */
  drain(): Promise<void> {
    return this.#line.emptied();
  }

  /** A request that waits is cancelled, by its signal or without. */
  abort(request: PendingRequest): void {
    const { signal } = request;
    const error = signal?.aborted ? abortError(signal) : request.error(ECANCELED);
    this.#takeOut(request, error);
  }

  /** Its time is over, and it waits. */
  #expire(request: PendingRequest): void {
    this.#takeOut(request, request.error(ETIMEDOUT));
  }

  #takeOut(request: PendingRequest, error: Error): void {
    if (!this.#remove(firstOf(request))) return;
    this.#refuseAll(request, error);
    this.#onMovedUp();
  }

  cancelDescriptor(fd: number): void {
    this.#cancel((waiting) => stepsOf(waiting).some((step) => step.uses(fd)));
  }

  cancelAll(): void {
    this.#cancel(() => true);
  }

  #cancel(which: (waiting: PendingRequest) => boolean): void {
    const mayLeave = (waiting: PendingRequest): boolean => !staysInLine(waiting) && which(waiting);
    for (const request of this.#line.removeAll(mayLeave)) {
      this.#closesLeave(request);
      this.#refuseAll(request, request.error(ECANCELED));
    }
    this.#onMovedUp();
  }

  refuseWaiting(error: Error): void {
    this.#closing.clear();
    for (const request of this.#line.evict()) {
      for (const step of stepsOf(request)) this.#slots.refuse(step, error);
    }
  }

  /** A request that isn't with the engine; the other steps of its chain say ECANCELED. */
  #refuseAll(refused: PendingRequest, error: Error): void {
    for (const step of stepsOf(refused)) {
      this.#slots.refuse(step, step === refused ? error : step.error(ECANCELED));
    }
  }
}
