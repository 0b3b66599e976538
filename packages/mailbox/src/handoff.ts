/**
 * Sleep and wake between two threads, without a lost wake-up. The C++ half is `native/src/handoff.h`.
 *
 * A sleeper (a client that waits for replies, the engine that waits for requests) and a waker (the other one) share one
 * parked word beside the ring that the waker publishes to:
 *
 * ```
 *  sleeper                                  waker
 *  S1 parked = PARKED                       W1 publish: tail = new tail
 *  S2 look at the tail again                W2 parked == PARKED ?
 *     work there → parked = AWAKE, go on       and exchange(parked, AWAKE) == PARKED → wake the sleeper
 *  S3 sleep
 * ```
 *
 * All four accesses are sequentially consistent, so they have one order that both threads agree on, and in every one of
 * them somebody acts:
 *
 * - S1 before W2: the waker sees PARKED and wakes. If the sleeper is not asleep yet, its sleep ends at once: the doorbell is
 *   readable (the engine), or a call waits in the event loop (a client: `native/src/event_loop_waker.h`).
 * - W2 before S1, and so W1 before S2 (W1 comes before W2, S1 before S2): the sleeper sees the new tail in S2 and stays awake.
 *
 * With release and acquire alone, both S2 and W2 could read the old value (store buffering), and the request would lie there
 * until the next one. The exchange makes one waker out of many: of several clients that see the engine parked, one rings.
 */
import { exchangeFlag, loadFlag, storeFlag } from "./shared-words.js";

export const AWAKE = 0;
export const PARKED = 1;

/** S1. After it, look for work once more, and only then sleep. */
export function park(words: Int32Array, parkedWord: number): void {
  storeFlag(words, parkedWord, PARKED);
}

/** The sleeper found work, or woke up. */
export function unpark(words: Int32Array, parkedWord: number): void {
  storeFlag(words, parkedWord, AWAKE);
}

/** Whether the other side sleeps, or is about to: advice, stale at once. Who has published asks {@link claimWake}. */
export function isParked(words: Int32Array, parkedWord: number): boolean {
  return loadFlag(words, parkedWord) === PARKED;
}

/** W2, after the publish. True: the other side sleeps, and this caller alone has to wake it. */
export function claimWake(words: Int32Array, parkedWord: number): boolean {
  return (
    loadFlag(words, parkedWord) === PARKED && exchangeFlag(words, parkedWord, AWAKE) === PARKED
  );
}
