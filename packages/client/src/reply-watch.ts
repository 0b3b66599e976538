/**
 * Whether a client that waits for replies looks for them again from its event loop, or parks and is notified. Client's thread.
 *
 * Being notified costs two system calls of the engine and a wake-up, across CPUs tens of microseconds; replies from the page
 * cache are there sooner. So where replies have come soon of late, the client first looks once per round of the event loop
 * (setImmediate), with everything else of the process having its turn between two looks; after LONGEST_LOOK_MS it parks all
 * the same. Where they take longer, from a device say, it parks at once, and looking costs nothing.
 */
const LONGEST_LOOK_MS = 0.04;

/** Weight of the latest wait in the average: the last dozen waits decide. */
const WEIGHT = 1 / 8;

export class ReplyWatch {
  /** Average of the recent waits, in ms. The first ones are to show whether looking pays. */
  #typicalMs = LONGEST_LOOK_MS;
  /** When this wait began; 0 while there is none. */
  #since = 0;

  /** Nothing is there yet. Returns whether to look again soon, instead of parking now. */
  looksOn(): boolean {
    const now = performance.now();
    if (this.#since === 0) this.#since = now;
    return this.#typicalMs < LONGEST_LOOK_MS && now - this.#since < LONGEST_LOOK_MS;
  }

  /** Replies have come: by a look, or by a notify. */
  replied(): void {
    if (this.#since === 0) return;
    this.#typicalMs += (performance.now() - this.#since - this.#typicalMs) * WEIGHT;
    this.#since = 0;
  }
}
