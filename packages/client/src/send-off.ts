/**
 * When requests leave for the engine: at once or at the end of the turn of the event loop in which they were posted (AUTO, as the engine
 * is awake or not: ring-backend.ts), when there are enough of them, or when the program says so. Client's thread; what `Engine.start`'s
 * option `submit` means.
 */

import { msUntil } from "./admission.js";
import { INT32_MAX } from "./arguments.js";
import type { PendingRequest } from "./pending-request.js";
import { setTimeout } from "./real-timers.js";

/** As it goes through a handle: AUTO, MANUAL, or a threshold of at least 1. */
export const SubmitMode = { AUTO: 0, MANUAL: -1 } as const;

export class SendOff {
  #mode: number;
  /** How often the program has said so, or the threshold was reached. */
  #submits = 0;
  #now = false;

  readonly #onOverdue: () => void;

  /** @param onOverdue something is to leave with the next turn of the event loop, as its time is over */
  constructor(mode: number, onOverdue: () => void) {
    this.#mode = mode;
    this.#onOverdue = onOverdue;
  }

  get isAuto(): boolean {
    return this.#mode === SubmitMode.AUTO;
  }

  /** What is posted now is sent by the next one. */
  get submits(): number {
    return this.#submits;
  }

  /** The program has said so: what waits for a slot will follow without a further word. */
  submitted(): void {
    this.#submits++;
  }

  /** One that waited has its slot. */
  placedWaiting(request: PendingRequest): void {
    if (this.#isSubmitted(request)) this.#now = true;
  }

  /** Whether one that could have a slot now is to wait: it would leave with what is about to leave, before the program has said so. */
  holdsBack(request: PendingRequest): boolean {
    return this.#now && this.#mode === SubmitMode.MANUAL && !this.#isSubmitted(request);
  }

  #isSubmitted(request: PendingRequest): boolean {
    return request.goesOn || request.postedAfter < this.#submits;
  }

  /** Until the request leaves, its deadline is watched here; when that is over it leaves, and the engine says that it came too late. */
  watch(request: PendingRequest): void {
    if (this.isAuto || request.deadline === undefined) return;
    const expire = (): void => {
      if (!this.#isSubmitted(request)) this.#now = true;
      this.#onOverdue();
    };
    const ms = Math.min(msUntil(request.deadline) + 1, INT32_MAX); // a timer may ring a millisecond early
    request.timer = setTimeout(expire, ms).unref();
  }

  /** What goes on with something begun can't wait for the program, which doesn't know of it. */
  hurry(): void {
    this.#now = true;
  }

  /** Whether something that has its slot is to leave with the next turn of the event loop. */
  get hurries(): boolean {
    return this.#now;
  }

  /** The client closes: what is posted leaves. */
  end(): void {
    this.#mode = SubmitMode.AUTO;
  }

  /**
   * Whether what is posted leaves now. Without a free slot a threshold might never be reached, nor where something waits: a
   * chain for which the free slots are too few.
   */
  isDue(unpublished: number, freeSlots: number, waiting: number): boolean {
    if (this.isAuto || this.#now) return true;
    if (this.#mode === SubmitMode.MANUAL) return false;
    return unpublished >= this.#mode || (unpublished > 0 && (freeSlots === 0 || waiting > 0));
  }

  /** All that was posted has left, but what waits for a slot; a threshold that was reached was reached for that, too. */
  left(): void {
    this.#now = false;
    if (this.#mode > SubmitMode.AUTO) this.#submits++;
  }
}
