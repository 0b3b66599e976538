/**
 * Whether a client that waits for replies looks for them again from its event loop, or parks and is notified. Client's thread.
 *
 * Being notified costs two system calls of the engine and a wake-up, across CPUs tens of microseconds; replies from the page
 * cache are there sooner. So the client first looks once per round of the event loop (setImmediate), with everything else of
 * the process having its turn between two looks, for about as long as a wake-up would take; then it parks all the same. Looks in
 * vain make the next ones rarer. The engine does the same: native/src/stay_awake.cc.
 */
import { loadFlag, type RingConsumer } from "@ringpost/mailbox";
import { EngineWord, WaitMode } from "@ringpost/protocol";

/** As long as the engine's: about as long as a wake-up across CPUs takes, so that a look also meets an engine that has to be woken first. */
const LONGEST_LOOK_MS = 0.1;

/** `wait: "poll"`. */
const LONGEST_POLL_MS = 2;

/** How often one look loads the index of the replies. */
const LOADS_PER_LOOK = 500;

/** Where looking doesn't pay, at least one wait in 2^6 begins with a look all the same. */
const MOST_RARITY = 6;

export class ReplyWatch {
  readonly #words: Int32Array;
  readonly #mode: number;
  /** When this wait began, in ms; 0 while there is none. In an array: a number that changes would be allocated anew as a field. */
  readonly #since = new Float64Array(1);
  #looks = false;
  #skipped = 0;
  #rarity = 0;
  #together = 0;

  /** @param words the engine's memory */
  constructor(words: Int32Array) {
    this.#words = words;
    this.#mode = words[EngineWord.WAIT_MODE]!; // within every engine's memory
  }

  /** Nothing is there yet. Returns whether to look again soon, instead of parking now. */
  looksOn(): boolean {
    if (this.#mode === WaitMode.NOTIFY) return false;
    if (this.#since[0] === 0) this.#begin();
    if (!this.#looks) return false;
    const longest = this.#mode === WaitMode.POLL ? LONGEST_POLL_MS : LONGEST_LOOK_MS;
    if (performance.now() - this.#since[0]! < longest) return true;
    this.#ended(false);
    return false;
  }

  #begin(): void {
    this.#since[0] = performance.now();
    const together = loadFlag(this.#words, EngineWord.TOGETHER);
    // On one CPU neither does anything while the other looks; apart again, looking gets a new chance.
    if (together !== this.#together) {
      this.#together = together;
      this.#rarity = 0;
      this.#skipped = 0;
    }
    this.#looks = together === 0 && (this.#skipped === 0 || this.#mode === WaitMode.POLL);
    if (this.#skipped > 0) this.#skipped--;
  }

  #ended(found: boolean): void {
    this.#looks = false;
    this.#rarity = found ? this.#rarity >> 1 : Math.min(this.#rarity + 1, MOST_RARITY);
    this.#skipped = 2 ** this.#rarity - 1;
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
    if (this.#looks) this.#ended(true);
    this.#since[0] = 0;
  }
}
