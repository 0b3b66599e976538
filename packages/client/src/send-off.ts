/**
 * When requests leave for the engine: at once or at the end of the turn in which they were posted (AUTO, as the engine is awake or
 * not: ring-backend.ts), when there are enough of them, or when the program says so. Client's thread; what `Engine.start`'s option `submit` means.
 */

/** As it goes through a handle: AUTO, MANUAL, or a threshold of at least 1. */
export const SubmitMode = { AUTO: 0, MANUAL: -1 } as const;

export class SendOff {
  #mode: number;
  /** Requests that wait for a slot, and were posted before the program's last submit, or with what reached the threshold. */
  #due = 0;
  #now = false;

  constructor(mode: number) {
    this.#mode = mode;
  }

  get isAuto(): boolean {
    return this.#mode === SubmitMode.AUTO;
  }

  /** The program has said so: what waits for a slot will follow without a further word. */
  submitted(waiting: number): void {
    this.#due = waiting;
  }

  /** One that waited has its slot. */
  placedWaiting(): void {
    if (this.#due === 0) return;
    this.#due--;
    this.#now = true;
  }

  /** What goes on with something begun can't wait for the program, which doesn't know of it. */
  hurry(): void {
    this.#now = true;
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
  left(waiting: number): void {
    this.#now = false;
    if (this.#mode > SubmitMode.AUTO) this.#due = waiting;
  }
}
