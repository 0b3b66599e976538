/**
 * Named access to words that two threads share. Nothing else in the project calls `Atomics` (linted), so that every
 * order is decided, and explained, here and in `native/src/shared_words.h`.
 *
 * JavaScript's atomics are all sequentially consistent; each function says which weaker order would do, and what it
 * pairs with on the C++ side.
 */

/**
 * Publishes everything written before it. Of the request ring's tail it is W1 of handoff.ts, which must be sequentially consistent;
 * elsewhere release would do. Pairs with `LoadIndex`, and as W1 with `LoadOrdered` (shared_words.h).
 */
export function storeIndex(words: Int32Array, at: number, index: number): void {
  Atomics.store(words, at, index);
}

/**
 * Sees everything published before the value it reads. Of the reply ring's tail, after a park, it is S2 of handoff.ts, which must be
 * sequentially consistent; elsewhere acquire would do. Pairs with `StoreIndex`, of a tail with `StoreOrdered` (shared_words.h).
 */
export function loadIndex(words: Int32Array, at: number): number {
  return Atomics.load(words, at) >>> 0;
}

/** Of this thread's parked word: S1 of handoff.ts, sequentially consistent. Pairs with `LoadOrdered` and `ExchangeOrdered` (shared_words.h). */
export function storeFlag(words: Int32Array, at: number, value: number): void {
  Atomics.store(words, at, value);
}

/**
 * Of a parked word: the first half of W2 of handoff.ts, sequentially consistent. Of WAIT_MODE nothing depends on the order: it tells of
 * no other memory. Pairs with `StoreOrdered` (shared_words.h).
 */
export function loadFlag(words: Int32Array, at: number): number {
  return Atomics.load(words, at);
}

/**
 * Takes the value and leaves another; of several threads one alone gets the old value: the second half of W2 of handoff.ts,
 * sequentially consistent. Pairs with `StoreOrdered`, and with its own kind in other clients' threads.
 */
export function exchangeFlag(words: Int32Array, at: number, value: number): number {
  return Atomics.exchange(words, at, value);
}
