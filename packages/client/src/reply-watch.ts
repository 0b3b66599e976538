/**
 * Whether a client that waits for replies looks for them again from its event loop, or parks and is notified. Client's thread.
 *
 * Being notified costs two system calls of the engine and a wake-up, across CPUs tens of microseconds; replies from the page
 * cache are there sooner. So where replies have come soon of late, the client first looks once per round of the event loop
 * (setImmediate), with everything else of the process having its turn between two looks; after LONGEST_LOOK_MS it parks all
 * the same. Where they take longer, from a device say, it parks at once, and looking costs nothing.
 */
import type { RingConsumer } from "@ringpost/mailbox";

const LONGEST_LOOK_MS = 0.04;

/** How often one look loads the index of the replies. */
const LOADS_PER_LOOK = 500;

/** Weight of the latest wait in the average: the last dozen waits decide. */
const WEIGHT = 1 / 8;

/** Average of the recent waits. */
const TYPICAL = 0;
/** When this wait began; 0 while there is none. */
const SINCE = 1;

export class ReplyWatch {
  // Beside each other in one array: a number that changes would be allocated anew as a field.
  readonly #ms = new Float64Array(2);

  constructor() {
    this.#ms[TYPICAL] = LONGEST_LOOK_MS; // the first waits are to show whether looking pays
  }

  /** Nothing is there yet. Returns whether to look again soon, instead of parking now. */
  looksOn(): boolean {
    const now = performance.now();
    const ms = this.#ms;
    if (ms[SINCE] === 0) ms[SINCE] = now;
    return ms[TYPICAL]! < LONGEST_LOOK_MS && now - ms[SINCE]! < LONGEST_LOOK_MS;
  }

  /** A look of a microsecond or two: long against a round of the event loop, short for whoever waits for one. */
  sees(replies: RingConsumer): boolean {
    for (let nth = 0; nth < LOADS_PER_LOOK; nth++) {
      if (replies.available() > 0) return true;
    }
    return false;
  }

  /** Replies have come: by a look, or by a notify. */
  replied(): void {
    const ms = this.#ms;
    if (ms[SINCE] === 0) return;
    ms[TYPICAL]! += (performance.now() - ms[SINCE]! - ms[TYPICAL]!) * WEIGHT;
    ms[SINCE] = 0;
  }
}
