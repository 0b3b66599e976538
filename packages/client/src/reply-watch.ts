/**
 * Whether a client that waits for replies looks for them again from its event loop, or parks and is notified. Client's thread.
 *
 * Being notified costs two system calls of the engine and a wake-up, across CPUs tens of microseconds; replies from the page
 * cache are there sooner. So the client first looks once per round of the event loop (setImmediate), with everything else of
 * the process coming between two looks, for no longer than a wake-up would take; then it parks all the same. Looks in
 * vain make the next ones rarer. The engine does the same: native/src/waiting.h.
 */
import { loadFlag, type RingConsumer } from "@ringpost/mailbox";
import { EngineWord, WaitMode } from "@ringpost/protocol";
import { performance } from "./real-timers.js";

/** What takes longer than a wake-up costs, such as a device, is waited for asleep: a CPU that looks isn't free for it. */
const LONGEST_LOOK_MS = 0.05;

/** `wait: "poll"`. */
const LONGEST_POLL_MS = 2;

/** So long between two looks, and something else needs this thread, or its CPU: this client is not in a hurry. */
const INTERRUPTED_MS = 1;

/** How often one look loads the index of the replies. */
const LOADS_PER_LOOK = 500;

/** Where looking doesn't pay, at least one wait in 2^8 begins with a look all the same: fewer than a percentile of latencies shows. */
const MOST_RARITY = 8;

/** How much rarer an interrupted look makes the next ones; one in vain: 1. */
const INTERRUPTED_STEP = 2;

/** When this wait began; 0 while there is none. */
const SINCE = 0;
/** When it was last asked whether to look on. */
const LATEST = 1;

export class ReplyWatch {
  readonly #words: Int32Array;
  /** By {@link SINCE} and {@link LATEST}. In an array: a number that changes would be allocated anew as a field. */
  readonly #ms = new Float64Array(2);
  #looks = false;
  #skipped = 0;
  #rarity = 0;
  /** The engine's word for how to wait now: {@link WaitMode}. */
  #mode: number = WaitMode.NOTIFY;

  /** @param words the engine's memory */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** Nothing is there yet. Returns whether to look again soon, instead of parking now. */
  looksOn(): boolean {
    const ms = this.#ms;
    if (ms[SINCE] === 0) this.#begin();
    if (!this.#looks) return false;
    const now = performance.now();
    const interrupted = now - ms[LATEST]! > INTERRUPTED_MS;
    ms[LATEST] = now;
    const longest = this.#mode === WaitMode.POLL ? LONGEST_POLL_MS : LONGEST_LOOK_MS;
    if (!interrupted && now - ms[SINCE]! < longest) return true;
    this.#ended(this.#rarity + (interrupted ? INTERRUPTED_STEP : 1));
    return false;
  }

  #begin(): void {
    this.#ms.fill(performance.now());
    const mode = loadFlag(this.#words, EngineWord.WAIT_MODE);
    // Looking gets a new chance, as with the engine (native/src/waiting.cc: BeginAnew).
    if (mode !== this.#mode) {
      this.#mode = mode;
      this.#rarity = 0;
      this.#skipped = 0;
    }
    this.#looks = mode !== WaitMode.NOTIFY && this.#skipped === 0;
    if (this.#skipped > 0) this.#skipped--;
  }

  #ended(rarity: number): void {
    this.#looks = false;
    this.#rarity = Math.min(rarity, MOST_RARITY);
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
    const ms = this.#ms;
    if (this.#looks) {
      const interrupted = performance.now() - ms[LATEST]! > INTERRUPTED_MS;
      this.#ended(interrupted ? this.#rarity + INTERRUPTED_STEP : this.#rarity >> 1);
    }
    ms[SINCE] = 0;
  }
}
